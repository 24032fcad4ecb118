package options_test

import (
	"errors"
	"testing"

	"github.com/mittere/mittere/internal/options"
)

func TestEverythingThatIsWrongIsReportedAtOnce(t *testing.T) {
	var c options.Checks
	c.Require(true, "right")
	c.Note(nil, nil)
	if err := c.Err(); err != nil {
		t.Errorf("nothing is wrong, and yet %v", err)
	}
	cause := errors.New("cause")
	c.Require(false, "size %d: %w", 7, cause)
	c.Note(nil, errors.Join(errors.New("another"), errors.New("a third")))
	err := c.Err()
	if !errors.Is(err, cause) || err.Error() != "size 7: cause; another; a third" {
		t.Errorf("got %v", err)
	}
}

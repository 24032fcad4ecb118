// Package options collects what is wrong with the options of a constructor, so that all of it is
// reported at once. It stands beside the layers, uses nothing of ours, and is used by the packages
// whose constructors take options.
package options

import (
	"errors"
	"fmt"
	"strings"
)

// Checks is what is wrong with a set of options. The zero value is none of it. It is a field
// of the configuration that options set, and belongs to one goroutine.
type Checks struct{ wrong []error }

// Require notes an error, in the words of fmt.Errorf, unless right.
func (c *Checks) Require(right bool, format string, args ...any) {
	if !right {
		c.wrong = append(c.wrong, fmt.Errorf(format, args...))
	}
}

// Note notes errors that were found elsewhere. Those that are nil are none.
func (c *Checks) Note(wrong ...error) {
	for _, err := range wrong {
		if err != nil {
			c.wrong = append(c.wrong, err)
		}
	}
}

// Err returns everything that was noted as one error, whose text is one line; nil if nothing was.
func (c *Checks) Err() error {
	if len(c.wrong) == 0 {
		return nil
	}
	return all(c.wrong)
}

// all is several errors as one.
type all []error

// Error returns the texts of all of them on one line.
func (a all) Error() string {
	return strings.ReplaceAll(errors.Join(a...).Error(), "\n", "; ")
}

// Unwrap returns them.
func (a all) Unwrap() []error { return a }

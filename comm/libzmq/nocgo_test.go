//go:build !cgo

package libzmq_test

import (
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/comm/libzmq"
)

func TestEngineBuiltWithoutCgoSaysSo(t *testing.T) {
	_, err := comm.NewContext(comm.WithEngine(libzmq.Engine))
	if err == nil || !strings.Contains(err.Error(), "built without cgo") {
		t.Errorf("the error is %v", err)
	}
}

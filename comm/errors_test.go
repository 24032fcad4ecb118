package comm_test

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/mittere/mittere/comm"
)

func TestErrorsSayTheirReason(t *testing.T) {
	r := newRig(t)
	taken := at(r.router("tcp://127.0.0.1:*, inproc://taken"))
	for _, c := range []struct {
		endpoints string
		want      comm.Reason
	}{
		{"@" + taken, comm.AddressInUse},
		{"@inproc://taken", comm.AddressInUse},
		{"@tcp://192.0.2.1:*", comm.AddressUnavailable}, // of a network for documents
		{"@tcp://nosuchinterface:*", comm.AddressUnavailable},
		{"@tcp://127.0.0.1:99999", comm.Invalid},
		{"@ipc://" + fmt.Sprintf("/tmp/%0200d", 0), comm.Invalid},
		{"nonsense", comm.Invalid},
	} {
		_, err := comm.NewDealer(r.zctx, c.endpoints)
		r.wantError(err, c.want)
		for other := comm.Internal; other <= comm.AddressUnavailable; other++ {
			if errors.Is(err, other) != (other == c.want) {
				t.Errorf("%v: is %v: %t", err, other, other != c.want)
			}
		}
	}
}

func TestErrorsAreOneLineWithAllThatIsKnown(t *testing.T) {
	cause := errors.New("cause")
	for want, err := range map[string]*comm.Error{
		"comm: send: closed": {Op: "send", Reason: comm.Closed},
		"comm: bind tcp://x:1: address already in use: cause": {Op: "bind", Detail: "tcp://x:1", Reason: comm.AddressInUse, Cause: cause},
		"comm: receive: message too large":                    {Op: "receive", Reason: comm.TooLarge},
		"comm: odd: internal error":                           {Op: "odd", Reason: comm.Reason(200)},
		"comm: endpoint \"x\": no: invalid argument: cause":   {Op: "endpoint", Detail: `"x": no`, Reason: comm.Invalid, Cause: cause},
		"comm: send: no such peer: cause":                     {Op: "send", Reason: comm.Unreachable, Cause: cause},
		"comm: wait for room: context ended: cause":           {Op: "wait for room", Reason: comm.Ended, Cause: cause},
		"comm: send: peer's queue is full: cause":             {Op: "send", Reason: comm.Full, Cause: cause},
		"comm: unbind here: address not available":            {Op: "unbind", Detail: "here", Reason: comm.AddressUnavailable},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err.Error(), want)
		}
		if err.Cause != nil && !errors.Is(err, cause) {
			t.Errorf("%v hides its cause", err)
		}
	}
}

func TestOnlyWhatIsClosedIsErrClosed(t *testing.T) {
	for reason := comm.Internal; reason <= comm.AddressUnavailable; reason++ {
		err := fmt.Errorf("wrapped: %w", &comm.Error{Op: "x", Reason: reason})
		if !errors.Is(err, reason) {
			t.Errorf("%v is not its reason", err)
		}
		if errors.Is(err, net.ErrClosed) != (reason == comm.Closed) {
			t.Errorf("%v: is net.ErrClosed: %t", err, reason != comm.Closed)
		}
	}
}

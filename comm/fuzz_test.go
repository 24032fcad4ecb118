package comm_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
)

func FuzzParseEndpoints(f *testing.F) {
	for _, list := range []string{
		"", " \t", "tcp://127.0.0.1:5555", "@tcp://:*", ">tcp://localhost:80", "tcp://localhost:80", "tcp://*:*", "tcp://[::1]:*",
		"tcp://[fe80::1%eth0]:80", "tcp://[]:1", "ipc://*", ">ipc://@abstract", "ipc:///tmp/x*", "inproc://*", ">inproc://*",
		"inproc://a, @inproc://b ,>inproc://c", "a,", "@>tcp://x:1", ">@tcp://x:1", "@@inproc://x", "tcp://::1:1", "tcp://x",
		"tcp://x:", "udp://x:1", "inproc://\x00", "://", "tcp://", ">tcp://:1", ">tcp://x:*", ">ipc://*",
	} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		for _, kind := range []comm.Kind{comm.KindRouter, comm.KindDealer} {
			checkReading(t, kind, list)
		}
	})
}

// checkReading reads a list and checks what it is read as.
func checkReading(t *testing.T, kind comm.Kind, list string) {
	told, err := comm.ParseEndpoints(kind, list)
	if err != nil {
		if !errors.Is(err, comm.Invalid) {
			t.Fatalf("%q: %v", list, err)
		}
		return
	}
	if strings.TrimSpace(list) == "" {
		if len(told) != 0 {
			t.Fatalf("%q is read as %q", list, told)
		}
		return
	}
	written := strings.Split(list, ",")
	if len(told) != len(written) {
		t.Fatalf("%q is read as %q", list, told)
	}
	for i, text := range written {
		checkEndpoint(t, kind, strings.TrimSpace(text), told[i])
	}
}

// checkEndpoint checks what one endpoint is read as.
func checkEndpoint(t *testing.T, kind comm.Kind, text, told string) {
	do, endpoint, _ := strings.Cut(told, " ")
	if want := saysBind(kind, text); (do == "bind") != want {
		t.Errorf("%v: %q is read as %q", kind, text, told)
	}
	transport, address, ok := strings.Cut(endpoint, "://")
	if !ok || !slices.Contains([]string{"tcp", "ipc", "inproc"}, transport) || address == "" || strings.Contains(address, "\x00") {
		t.Errorf("libzmq cannot read %q", endpoint)
	}
	if transport == "tcp" && do == "connect" && strings.Contains(address, ":*") {
		t.Errorf("%q connects to any port", text)
	}
	prefix := map[string]string{"bind": "@", "connect": ">"}[do]
	if again, err := comm.ParseEndpoints(kind, prefix+endpoint); err != nil || !slices.Equal(again, []string{told}) {
		t.Errorf("%q is read as %q, and that as %q, %v", text, told, again, err)
	}
}

// saysBind is the rule by which an endpoint is bound.
func saysBind(kind comm.Kind, text string) bool {
	switch {
	case strings.HasPrefix(text, "@"):
		return true
	case strings.HasPrefix(text, ">"):
		return false
	default:
		return kind.Binds() || strings.Contains(text, "*")
	}
}

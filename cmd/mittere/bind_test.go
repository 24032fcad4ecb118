package main

import "testing"

func TestEventsAreBesideTheRegistry(t *testing.T) {
	for bind, want := range map[string]string{
		"tcp://127.0.0.1:5000": "tcp://127.0.0.1:5001", "tcp://*:7000": "tcp://*:5001", "ipc:///tmp/r,tcp://[::1]:*": "tcp://[::1]:5001",
		"ipc:///tmp/r": "tcp://127.0.0.1:5001", "": "tcp://127.0.0.1:5001", "tcp://": "tcp://127.0.0.1:5001",
	} {
		if got := eventsBeside(bind); got != want {
			t.Errorf("beside %q: %q, want %q", bind, got, want)
		}
	}
}

func TestOnlyTheLoopbackInterfaceIsLocal(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"tcp://127.0.0.1:5000": true, "tcp://[::1]:5000": true, "ipc:///tmp/r": true, "tcp://0.0.0.0:1": false, "tcp://[::]:1": false, "tcp://10.1.1.1:1": false,
	} {
		if local(endpoint) != want {
			t.Errorf("%q: local is %v", endpoint, !want)
		}
	}
}

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Debian has a bash that knows nothing of bash-completion.
func TestBashCompletesWithoutItsPackage(t *testing.T) {
	at := t.TempDir()
	code, script, _ := command(t.Context(), "", "completion", "bash")
	if code != 0 {
		t.Fatalf("exit code %d", code)
	}
	check(t, os.WriteFile(filepath.Join(at, "script"), []byte(script), 0o600))
	// A stand-in, for what it is asked is what matters.
	check(t, os.WriteFile(filepath.Join(at, "mittere"), []byte("#!/bin/sh\nprintf '%s\\n' \"tcp://a:1/$*\" tcp://a:2 :4\n"), 0o700))
	shell := exec.CommandContext(t.Context(), "bash", "--norc", "--noprofile", "-c", `PATH=$PWD:$PATH; compopt() { :; }; source ./script
		COMP_LINE="mittere ping --endpoint tcp://a:" COMP_POINT=${#COMP_LINE} COMP_TYPE=9; __start_mittere; printf '%s\n' "${COMPREPLY[@]}"`)
	shell.Dir = at
	out, err := shell.CombinedOutput()
	if want := "1/__complete ping --endpoint tcp://a:\n2\n"; err != nil || string(out) != want {
		t.Errorf("completed %q (%v), want %q", out, err, want)
	}
	if !strings.Contains(script, "__start_mittere") {
		t.Error("the script completes nothing")
	}
}

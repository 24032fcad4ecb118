package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestCommandLine(t *testing.T) {
	for name, c := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string // what the output contains; "" is none at all
	}{
		"nothing is help":      {nil, 0, "Usage:", ""},
		"help flag":            {[]string{"--help"}, 0, "Examples:", ""},
		"help command":         {[]string{"help"}, 0, "Examples:", ""},
		"help on a command":    {[]string{"help", "version"}, 0, "Print the versions", ""},
		"version":              {[]string{"version"}, 0, "mittere  dev", ""},
		"unknown command":      {[]string{"nonsense"}, 2, "", `unknown command "nonsense"`},
		"unknown help topic":   {[]string{"help", "nonsense"}, 2, "", `unknown command "nonsense"`},
		"unknown flag":         {[]string{"--nonsense"}, 2, "", "unknown flag: --nonsense"},
		"unknown command flag": {[]string{"version", "-x"}, 2, "", "Run 'mittere version --help'"},
		"argument too many":    {[]string{"version", "more"}, 2, "", "unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			if code := run(c.args, &stdout, &stderr); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			wantOutput(t, "stdout", stdout.String(), c.stdout)
			wantOutput(t, "stderr", stderr.String(), c.stderr)
		})
	}
}

func wantOutput(t *testing.T, stream, got, part string) {
	t.Helper()
	if !strings.Contains(got, part) || (part == "" && got != "") {
		t.Errorf("%s is %q, want %q in it", stream, got, part)
	}
}

func TestBinaryPrintsItsStampedVersion(t *testing.T) {
	binary := build(t, "-ldflags=-X main.version=v9.8.7")
	out, err := exec.Command(binary, "version").Output()
	if want := regexp.MustCompile(`(?m)^mittere  v9\.8\.7\ngo +go1\.`); err != nil || !want.Match(out) {
		t.Errorf("printed %q, error %v, want %v", out, err, want)
	}
}

func TestBinaryExitsWithTwoOnWrongUsage(t *testing.T) {
	err := exec.Command(build(t), "nonsense").Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
		t.Errorf("ended with %v, want exit code %d", err, exitUsage)
	}
}

// build makes the program as a user does, and returns its path.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "mittere")
	// The tree that is tested need not be a clone that git may read.
	args := append([]string{"build", "-buildvcs=false", "-o", binary}, flags...)
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, out)
	}
	return binary
}

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
		"nearly a command":     {[]string{"service"}, 2, "", "Did you mean this?\n\tservices\nRun"},
		"unknown help topic":   {[]string{"help", "nonsense"}, 2, "", `unknown command "nonsense"`},
		"unknown flag":         {[]string{"--nonsense"}, 2, "", "unknown flag: --nonsense"},
		"unknown command flag": {[]string{"version", "-x"}, 2, "", "Run 'mittere version --help'"},
		"argument too many":    {[]string{"version", "more"}, 2, "", "unknown command"},
		"no name":              {[]string{"ping"}, 2, "", "want the name of a service"},
		"no method":            {[]string{"call", "calculator"}, 2, "", "want NAME/METHOD"},
		"id and endpoint":      {[]string{"ping", "--id", "a", "--endpoint", "b"}, 2, "", "none of the others can be"},
		"another's flag":       {[]string{"services", "--json"}, 2, "", "unknown flag: --json; for JSON it is -o json"},
		"usage as JSON":        {[]string{"ping", "-o", "json"}, 2, "", `{"error":{"message":"want the name of a service, got 0 arguments"}}` + "\n"},
		"error as JSON":        {[]string{"services", "-o", "json", "--registry", "home"}, 13, "", `{"error":{"code":"INVALID_ARGUMENT","message":"comm: endpoint \"home\": want transport://address, such as tcp://127.0.0.1:5555"}}`},
		"version flag":         {[]string{"--version"}, 0, "mittere version dev", ""},
		"version as JSON":      {[]string{"version", "-o", "json"}, 0, `"mittere":"dev"`, ""},
		"registry nowhere":     {[]string{"registry", "--bind", ""}, 2, "", "--bind is empty"},
		"broker nowhere":       {[]string{"broker", "--bind", ""}, 2, "", "--bind is empty"},
		"broker of no name":    {[]string{"broker", "--bind", "tcp://127.0.0.1:0", "--name", "a\n"}, 2, "", "must be printable"},
		"no such folder":       {[]string{"registry", "--bind", "tcp://127.0.0.1:0", "--events", "", "--store", "/nowhere/x"}, 24, "", "UNAVAILABLE: boltstore: open /nowhere/x: no such file"},
		"no such format":       {[]string{"services", "-o", "xml"}, 2, "", "want table|json"},
		"negative time":        {[]string{"ping", "x", "--timeout", "-1s"}, 2, "", "not negative"},
		"no duration":          {[]string{"ping", "x", "--timeout", "soon"}, 2, "", "want a duration"},
		"no pings":             {[]string{"ping", "x", "-n", "0"}, 2, "", "want a number from 1 on"},
		"no pair":              {[]string{"call", "x/y", "-H", "key"}, 2, "", "want key=value"},
		"no such log":          {[]string{"registry", "--log-format", "xml"}, 2, "", "want text|json"},
		"no such level":        {[]string{"registry", "--log-level", "loud"}, 2, "", "log-level"},
		"registry of registry": {[]string{"registry", "--registry", "tcp://127.0.0.1:1"}, 2, "", "--bind"},
		"no shell":             {[]string{"completion"}, 2, "", "accepts 1 arg(s)"},
		"no such shell":        {[]string{"completion", "tcsh"}, 2, "", "invalid argument"},
		"bash":                 {[]string{"completion", "bash"}, 0, "__start_mittere", ""},
		"zsh":                  {[]string{"completion", "zsh"}, 0, "compdef", ""},
		"fish":                 {[]string{"completion", "fish"}, 0, "complete -c mittere", ""},
		"powershell":           {[]string{"completion", "powershell"}, 0, "Register-ArgumentCompleter", ""},
		"no file":              {[]string{"call", "x/y", "@/nowhere"}, 15, "", "NOT_FOUND"},
		"no such transport":    {[]string{"services", "--registry", "pigeon://home"}, 13, "", "INVALID_ARGUMENT"},
		"leases out of order":  {[]string{"registry", "--bind", "tcp://127.0.0.1:*", "--events", "", "--lease", "2h"}, 13, "", "INVALID_ARGUMENT"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			if code := run(t.Context(), c.args, streams{strings.NewReader(""), &stdout, &stderr}); code != c.code {
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

// stamped is the version that the binary of the tests is given.
const stamped = "v9.8.7"

func testStampedVersion(t *testing.T, binary string) {
	out, err := exec.Command(binary, "version").Output()
	if want := regexp.MustCompile(`(?m)^mittere  ` + regexp.QuoteMeta(stamped) + `\ngo +go1\.`); err != nil || !want.Match(out) {
		t.Errorf("printed %q, error %v, want %v", out, err, want)
	}
}

func testWrongUsage(t *testing.T, binary string) {
	err := exec.Command(binary, "nonsense").Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
		t.Errorf("ended with %v, want exit code %d", err, exitUsage)
	}
}

// build makes the program as a user does, with a version, and returns its path.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "mittere")
	// The tree that is tested need not be a clone that git may read.
	args := []string{"build", "-buildvcs=false", "-ldflags=-X main.version=" + stamped, "-o", binary, "."}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, out)
	}
	return binary
}

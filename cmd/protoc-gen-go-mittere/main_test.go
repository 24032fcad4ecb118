package main

import (
	"bytes"
	"errors"
	"runtime/debug"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// by runs the program with arguments and input, and returns what it did.
func by(t *testing.T, input string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(args, strings.NewReader(input), &out, &err)
	return code, out.String(), err.String()
}

func TestHelpHasEveryOptionAndAnExample(t *testing.T) {
	for _, flag := range []string{"--help", "-help", "-h"} {
		code, stdout, stderr := by(t, "", flag)
		if code != exitOK || stderr != "" {
			t.Errorf("%s: code %d, standard error %q", flag, code, stderr)
		}
		for _, want := range []string{"buf.gen.yaml", "local: protoc-gen-go-mittere", "package_suffix=", "SFILE=PATH", "module=", "docs/codegen.md"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s does not mention %s:\n%s", flag, want, stdout)
			}
		}
	}
}

func TestVersionIsOneLine(t *testing.T) {
	for _, flag := range []string{"--version", "-version"} {
		code, stdout, stderr := by(t, "", flag)
		want := name + " " + version(debug.ReadBuildInfo) + ", for stubs of version 1\n"
		if code != exitOK || stdout != want || stderr != "" {
			t.Errorf("%s: code %d, %q and %q, want %q", flag, code, stdout, stderr, want)
		}
	}
}

func TestVersionIsThatOfTheInstalledModule(t *testing.T) {
	for module, want := range map[string]string{"v1.2.3": "v1.2.3", "(devel)": "dev", "": "dev"} {
		info := func() (*debug.BuildInfo, bool) {
			return &debug.BuildInfo{Main: debug.Module{Version: module}}, true
		}
		if got := version(info); got != want {
			t.Errorf("version of module %q is %q, want %q", module, got, want)
		}
	}
	if got := version(func() (*debug.BuildInfo, bool) { return nil, false }); got != "dev" {
		t.Errorf("version without build info is %q, want dev", got)
	}
}

func TestOtherArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"calc.proto"}, {"--nonsense"}, {"--help", "--version"}} {
		code, stdout, stderr := by(t, "", args...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, "try --help") {
			t.Errorf("%q: code %d, %q and %q", args, code, stdout, stderr)
		}
	}
}

func TestInputThatIsNoRequestIsAnError(t *testing.T) {
	code, stdout, stderr := by(t, "service Calculator {}")
	if code != exitBroken || stdout != "" || !strings.Contains(stderr, "no CodeGeneratorRequest") {
		t.Errorf("code %d, %q and %q", code, stdout, stderr)
	}
}

func TestBrokenPipesAreErrors(t *testing.T) {
	broken := errors.New("broken")
	if err := serve(iotest.ErrReader(broken), &bytes.Buffer{}); !errors.Is(err, broken) {
		t.Errorf("reading: %v", err)
	}
	if err := serve(strings.NewReader(""), brokenWriter{broken}); !errors.Is(err, broken) {
		t.Errorf("writing: %v", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// update records what commands print: go test ./cmd/mittere -update.
var update = flag.Bool("update", false, "write the golden files anew")

// volatile is what differs from run to run, and what stands for it.
var volatile = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`"started":"[^"]*"`), `"started":"TIME"`},
	{regexp.MustCompile(`("library":"|\nlibrary +)[^" \n]+`), "${1}VERSION"},
	{regexp.MustCompile(`"host":"[^"]*"`), `"host":"HOST"`},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[^ \n]*`), "TIME"},
	{regexp.MustCompile(`(Seconds":)\[[^]]*\]`), "$1[N]"},
	{regexp.MustCompile(`((?:left|age|min|mean|max|p50|p90|p99|sum)Seconds":)[0-9.e-]+`), "${1}N"},
	{regexp.MustCompile(`\b(\d+m)?\d+(\.\d+)?(ns|µs|ms|s)\b`), "TIME"},
	{regexp.MustCompile(`at [^ ]*calc-1`), "at calc-1"},
	{regexp.MustCompile(`  +`), "  "}, // columns move with what stands in them
	{regexp.MustCompile(` +\n`), "\n"},
}

// stable replaces what is volatile.
func stable(text string) string {
	for _, v := range volatile {
		text = v.what.ReplaceAllString(text, v.by)
	}
	return text
}

// wantGolden compares what a command did with what was recorded.
func wantGolden(t *testing.T, name string, code int, stdout, stderr string) {
	t.Helper()
	got := fmt.Sprintf("exit code %d\n--- stdout\n%s--- stderr\n%s", code, stdout, stderr)
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".golden")
	if *update {
		check(t, os.WriteFile(path, []byte(got), 0o600))
	}
	if want := string(must(os.ReadFile(path))(t)); got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func TestHelpOfEachCommandIsAsRecorded(t *testing.T) {
	t.Setenv(registryVariable, "")
	t.Setenv(brokerVariable, "")
	wantHelp := func(args ...string) {
		code, stdout, stderr := command(t.Context(), "", append([]string{"help"}, args...)...)
		wantGolden(t, strings.Join(append([]string{"help"}, args...), " "), code, stdout, stderr)
	}
	wantHelp()
	for _, cmd := range newRoot().Commands() {
		if cmd.Name() != "help" {
			wantHelp(cmd.Name())
		}
	}
}

func TestCommandsPrintWhatIsRecorded(t *testing.T) {
	w := newCalculator(t)
	at := w.server.Endpoints()[0]
	file := filepath.Join(t.TempDir(), "request.json")
	check(t, os.WriteFile(file, []byte(`{"a":1,"b":2}`), 0o600))
	w.enter(&mitterev1.Instance{Name: "dead", Id: "dead-1", Endpoints: []string{"tcp://127.0.0.1:1"}})
	w.enter(&mitterev1.Instance{Name: "plain", Id: "plain-1", Endpoints: []string{"tcp://127.0.0.1:1"}, Dialect: mitterev1.Dialect_DIALECT_PLAIN})
	w.enter(&mitterev1.Instance{Name: "news", Id: "news-1", Endpoints: []string{"tcp://127.0.0.1:1"}, Kind: mitterev1.Kind_KIND_PUBLISHER})
	w.enter(&mitterev1.Instance{Name: "tired", Id: "tired-1", Endpoints: []string{"tcp://127.0.0.1:1"}, Health: mitterev1.Health_HEALTH_NOT_SERVING})

	for _, c := range []struct {
		name  string
		stdin string
		args  []string
	}{
		{"call", "", []string{"call", "calculator/Add", `{"a":1,"b":2}`}},
		{"call table", "", []string{"call", "calculator/Add", `{"a":1,"b":2}`, "-o", "table"}},
		{"call without JSON", "", []string{"call", "calculator/Add"}},
		{"call with a file", "", []string{"call", "calculator/Add", "@" + file}},
		{"call with standard input", `{"a":3}`, []string{"call", "calculator/Add", "-"}},
		{"call by full name", "", []string{"call", "calculator/calculator.v1.CalculatorService/Add"}},
		{"call by service and method", "", []string{"call", "calculator/CalculatorService/Add"}},
		{"call of an id", "", []string{"call", "calculator/Add", "--id", "calc-1", "-H", "tenant=7"}},
		{"call of an endpoint", "", []string{"call", "--endpoint", at, "Add", `{"a":1}`}},
		{"call timing", "", []string{"call", "calculator/Add", "--timing", "--wait", "5s"}},
		{"call management", "", []string{"call", "calculator/mittere.v1.ManagementService/Health"}},
		{"call stream", "", []string{"call", "calculator/Primes", `{"limit":5}`}},
		{"call stream table", "", []string{"call", "calculator/Primes", `{"limit":3}`, "-o", "table"}},
		{"call long stream ends", "", []string{"call", "calculator/Primes", `{"limit":80}`}},
		{"call unknown method", "", []string{"call", "calculator/Subtract"}},
		{"call unknown name", "", []string{"call", "abacus/Add"}},
		{"call unknown id", "", []string{"call", "calculator/Add", "--id", "calc-2"}},
		{"call wrong JSON", "", []string{"call", "calculator/Add", `{"a":1,"c":2}`}},
		{"call broken JSON", "", []string{"call", "calculator/Add", `{"a":`}},
		{"call error with details", "", []string{"call", "calculator/Divide", `{"dividend":1}`}},
		{"call deadline", "", []string{"call", "calculator/Accumulate", `{"amount":-1}`, "--timeout", "2s"}},
		{"call unreachable", "", []string{"call", "dead/Add", "--timeout", "300ms"}},
		{"call plain", "", []string{"call", "plain/Add"}},
		{"call publisher", "", []string{"call", "news/Add"}},
		{"call not serving", "", []string{"call", "tired/Add"}},
		{"ping", "", []string{"ping", "calculator"}},
		{"ping json", "", []string{"ping", "calculator", "-n", "3", "-o", "json"}},
		{"ping endpoint", "", []string{"ping", "--endpoint", at}},
		{"ping another name", "", []string{"ping", "abacus", "--endpoint", at}},
		{"ping unreachable", "", []string{"ping", "dead", "--timeout", "1s"}},
		{"ping unreachable json", "", []string{"ping", "dead", "--timeout", "1s", "-o", "json"}},
		{"info", "", []string{"info", "calculator"}},
		{"info json", "", []string{"info", "calculator", "-o", "json"}},
		{"info endpoint", "", []string{"info", "--endpoint", at}},
		{"info unreachable", "", []string{"info", "dead", "--timeout", "1s"}},
		{"info plain json", "", []string{"info", "plain", "-o", "json"}},
		{"services", "", []string{"services"}},
		{"services json", "", []string{"services", "-o", "json"}},
		{"services of a name", "", []string{"services", "calculator"}},
		{"services of no name", "", []string{"services", "abacus"}},
		{"resolve", "", []string{"resolve", "calculator"}},
		{"resolve json", "", []string{"resolve", "calculator", "-o", "json"}},
		{"resolve unknown", "", []string{"resolve", "abacus"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := w.run(c.stdin, c.args...)
			wantGolden(t, c.name, code, stable(stdout), stable(stderr))
		})
	}
}

func TestStatsCountWhatWasCalled(t *testing.T) {
	w := newCalculator(t)
	for _, args := range [][]string{{"calculator/Add"}, {"calculator/Add"}, {"calculator/Divide"}} {
		w.run("", append([]string{"call"}, args...)...)
	}
	for name, args := range map[string][]string{
		"stats": {"stats", "calculator"}, "stats json": {"stats", "calculator", "-o", "json"},
		"stats unreachable": {"stats", "--endpoint", "tcp://127.0.0.1:1", "--timeout", "1s"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := w.run("", args...)
			wantGolden(t, name, code, sessions.ReplaceAllString(stable(stdout), "${1}N$2"), stable(stderr))
		})
	}
}

// sessions are those that are still open, of the calls before.
var sessions = regexp.MustCompile(`("sessions":|\ncalc-1  )\d+(,|  )`)

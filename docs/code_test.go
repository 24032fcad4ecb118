package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// The pages whose Go is that of a test here, which has a variable for an endpoint.
var (
	compiled = map[string]string{
		"broker.md":   "broker_test.go",
		"errors.md":   "errors_test.go",
		"pubsub.md":   "pubsub_test.go",
		"programs.md": "programs_test.go",
		"reactors.md": "reactors_test.go",
		"testing.md":  "testing_test.go",
	}
	variable = regexp.MustCompile(`endpoint([,)])`)
)

func TestPagesShowCodeThatRuns(t *testing.T) {
	for page, file := range compiled {
		code := variable.ReplaceAllString(unindented(read(file)), `"tcp://127.0.0.1:5555"$1`)
		blocks := strings.Split(read(page), "```go\n")[1:]
		if len(blocks) == 0 {
			t.Errorf("%s shows no Go", page)
		}
		for _, block := range blocks {
			block, _, _ = strings.Cut(block, "```")
			if !strings.Contains(code, unindented(block)) {
				t.Errorf("%s has nothing like this of %s:\n%s", file, page, block)
			}
		}
	}
}

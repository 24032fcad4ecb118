package doccheck_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the repository's folder as tests of this package see it.
const root = "../.."

// The documents say by which test each promise is shown: each must exist.
func TestTestsThatTheDocumentsNameExist(t *testing.T) {
	tests := testsOfTheModule(t)
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(documents) < 10 {
		t.Fatalf("%d documents (%v)", len(documents), err)
	}
	for _, document := range documents {
		for _, match := range named.FindAllStringSubmatch(textOf(t, document), -1) {
			if !tests[match[1]] {
				t.Errorf("%s names %s, which is no test", document, match[1])
			}
		}
	}
}

// testsOfTheModule returns the names of all tests and fuzz targets.
func testsOfTheModule(t *testing.T) map[string]bool {
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, match := range declared.FindAllStringSubmatch(textOf(t, path), -1) {
			tests[match[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// textOf returns the content of a file.
func textOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

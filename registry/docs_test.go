package registry_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTestsThatTheGuideNamesExist(t *testing.T) {
	var code strings.Builder
	for _, pattern := range []string{"*_test.go", "boltstore/*_test.go", "../service/*_test.go", "../interop/*_test.go"} {
		for _, file := range must(filepath.Glob(pattern))(t) {
			code.Write(must(os.ReadFile(file))(t))
		}
	}
	guide := string(must(os.ReadFile("../docs/registry.md"))(t))
	names := regexp.MustCompile("`((Test|Fuzz|Example)\\w+)`").FindAllStringSubmatch(guide, -1)
	if len(names) < 40 {
		t.Errorf("the guide names %d tests", len(names))
	}
	for _, name := range names {
		if !strings.Contains(code.String(), "func "+name[1]+"(") {
			t.Errorf("the guide names %s, which is no test", name[1])
		}
	}
}

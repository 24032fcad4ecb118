package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	code    = regexp.MustCompile("(?ms)^```.*?^```$|`[^`\n]*`")
)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages() {
		text := code.ReplaceAllString(read(page), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(m[1], "://") && !leads(page, m[1]) {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}

func TestTheReadmeLeadsToEveryPage(t *testing.T) {
	readme := read("../README.md")
	for _, page := range must(filepath.Glob("*.md")) {
		if !strings.Contains(readme, "(docs/"+page+")") {
			t.Errorf("README.md does not lead to docs/%s", page)
		}
	}
}

// pages returns all pages for people.
func pages() (found []string) {
	for _, pattern := range []string{"*.md", "../*.md", "../*/README.md", "../*/*/README.md"} {
		found = append(found, must(filepath.Glob(pattern))...)
	}
	return found
}

// leads reports whether a link of a page has a target: a file, and a heading if it
// names one.
func leads(page, target string) bool {
	path, anchor, named := strings.Cut(target, "#")
	file := page
	if path != "" {
		file = filepath.Join(filepath.Dir(page), path)
	}
	if _, err := os.Stat(file); err != nil || !named {
		return err == nil
	}
	for _, m := range heading.FindAllStringSubmatch(read(file), -1) {
		if anchorOf(m[1]) == anchor {
			return true
		}
	}
	return false
}

// anchorOf returns the name by which a heading is linked to.
func anchorOf(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, heading)
}

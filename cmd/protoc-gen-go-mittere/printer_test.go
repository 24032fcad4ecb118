package main

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/compiler/protogen"
)

func TestCommentsOfSchemasBecomeLinesThatGoTakes(t *testing.T) {
	for name, c := range map[string]struct {
		comment string
		want    []string
	}{
		"none":         {"", nil},
		"blank":        {" \n\t\n", nil},
		"usual":        {" Add adds.\n\n   code\n", []string{"Add adds.", "", "  code"}},
		"no space":     {"go:build ignore\nline 1.go:1\n", []string{"go:build ignore", "line 1.go:1"}},
		"blank around": {"\n \n Add adds.\n\n", []string{"Add adds."}},
		"Windows":      {" Add\r\n adds.\r\n", []string{"Add", "adds."}},
		"trailing":     {" Add adds. \t\n", []string{"Add adds."}},
		"not for Go":   {" a\x00b\uFEFFc\xffd\n", []string{"a\uFFFDb\uFFFDc\uFFFDd"}},
		"end of block": {" */ func init() {} /*\n", []string{"*/ func init() {} /*"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := linesOf(protogen.Comments(c.comment)); !slices.Equal(got, c.want) {
				t.Errorf("lines %q, want %q", got, c.want)
			}
		})
	}
}

func TestParagraphsAreWrapped(t *testing.T) {
	long := strings.Repeat("ä", 100)
	text := strings.Repeat("wörd ", 100) + long + " end"
	lines := wrap(text)
	if strings.Join(lines, " ") != text {
		t.Errorf("other words: %q", lines)
	}
	for _, line := range lines {
		if utf8.RuneCountInString("// "+line) > commentWidth && line != long {
			t.Errorf("too long: %q", line)
		}
	}
	if lines := wrap(""); lines != nil {
		t.Errorf("lines of nothing: %q", lines)
	}
}

func FuzzCommentsOfSchemas(f *testing.F) {
	f.Add(" Add adds.\n")
	f.Add("go:build ignore\r\n\x00")
	f.Add("*/ package evil\n")
	f.Fuzz(func(t *testing.T, comment string) {
		request := requestFor(t, "", "old/v1/old.proto")
		for _, file := range request.GetProtoFile() {
			if file.GetName() != "old/v1/old.proto" {
				continue
			}
			for _, location := range file.GetSourceCodeInfo().GetLocation() {
				location.LeadingComments = &comment
			}
		}
		if response := respond(request); response.Error != nil {
			t.Errorf("comment %q: %s", comment, response.GetError())
		}
	})
}

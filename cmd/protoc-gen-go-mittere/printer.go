package main

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/compiler/protogen"
)

// printer writes a Go file.
type printer struct {
	*protogen.GeneratedFile
	plugin *protogen.Plugin
}

// ident returns an identifier of the library or of Go's.
func (g *printer) ident(path protogen.GoImportPath, name string) string {
	return g.QualifiedGoIdent(path.Ident(name))
}

// message returns a message's type.
func (g *printer) message(m *protogen.Message) string {
	return g.of(g.plugin.FilesByPath[m.Desc.ParentFile().Path()], m.GoIdent)
}

// of returns an identifier of the package that is made of f. Left alone, protogen
// calls a package what its import path ends in: "v1", as the next one.
func (g *printer) of(f *protogen.File, ident protogen.GoIdent) string {
	ident.GoImportPath += protogen.GoImportPath(packageMark + string(f.GoPackageName))
	return g.QualifiedGoIdent(ident)
}

// packageMark stands in an import path between what is imported and a package
// name that it should have. No import path has its first character.
const packageMark = "#/"

// withoutName returns an import path as it is in the file.
func withoutName(path protogen.GoImportPath) protogen.GoImportPath {
	imported, _, _ := strings.Cut(string(path), packageMark)
	return protogen.GoImportPath(imported)
}

// packageIn returns the package's name in an identifier, or in a pointer to one.
func packageIn(ident string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(ident, "*"), ".")
	return name
}

// commentWidth is how long a line of a comment may be, in characters.
const commentWidth = 80

// doc prints a comment. Each paragraph is a string, to be broken into lines, or
// the Comments of a schema, whose lines stay as they are. Those that are empty are
// left out, and so is a deprecation that a schema's comment explains itself.
func (g *printer) doc(paragraphs ...any) {
	var blocks [][]string
	explained := false
	for _, p := range paragraphs {
		var lines []string
		switch p := p.(type) {
		case string:
			if !explained || !isDeprecation(p) {
				lines = wrap(p)
			}
		case protogen.Comments:
			lines = linesOf(p)
			explained = explained || explains(lines)
		}
		if len(lines) > 0 {
			blocks = append(blocks, lines)
		}
	}
	for i, lines := range blocks {
		if i > 0 {
			g.P("//")
		}
		for _, line := range lines {
			g.P(strings.TrimRight("// "+line, " \t"))
		}
	}
}

func isDeprecation(line string) bool { return strings.HasPrefix(line, "Deprecated: ") }

// explains reports whether a paragraph of the lines says that something is
// deprecated, by Go's convention.
func explains(lines []string) bool {
	for i, line := range lines {
		if isDeprecation(line) && (i == 0 || lines[i-1] == "") {
			return true
		}
	}
	return false
}

// wrap breaks a paragraph into lines.
func wrap(paragraph string) (lines []string) {
	line := ""
	for _, word := range strings.Fields(paragraph) {
		if line != "" && utf8.RuneCountInString("// "+line+" "+word) > commentWidth {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line == "" {
		return lines
	}
	return append(lines, line)
}

// linesOf returns the lines of a schema's comment. Each begins after a space, so
// that none becomes a directive such as //go:generate, and has no characters that
// Go refuses in a source file.
func linesOf(comments protogen.Comments) (lines []string) {
	text := strings.ToValidUTF8(string(comments), "\uFFFD")
	text = strings.NewReplacer("\r\n", "\n", "\x00", "\uFFFD", "\uFEFF", "\uFFFD").Replace(text)
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimRight(line, " \t\r\n"), " ")
		if line != "" || len(lines) > 0 {
			lines = append(lines, line)
		}
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// mostRows is how many directories the table shows.
const mostRows = 15

// table has a row for each directory at the top of a tree; files beside them are
// in the row ".".
type table struct {
	rows map[string]*sum // by directory
}

// newTable returns an empty table.
func newTable() *table { return &table{rows: map[string]*sum{}} }

// add adds what was found in the file at a path.
func (t *table) add(path string, f finding) {
	top, _, below := strings.Cut(path, string(filepath.Separator))
	if !below {
		top = "."
	}
	if t.rows[top] == nil {
		t.rows[top] = newSum()
	}
	t.rows[top].add(path, f)
}

// largest returns the directories, those with most bytes first.
func (t *table) largest() []string {
	names := make([]string, 0, len(t.rows))
	for name := range t.rows {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(t.rows[b].Bytes, t.rows[a].Bytes), cmp.Compare(a, b))
	})
	return names
}

// text returns the table for people, with the totals at its end.
func (t *table) text(all totals) string {
	names := t.largest()
	shown := names[:min(len(names), mostRows)]
	p := printer{width: len("directory")}
	for _, name := range shown {
		p.width = max(p.width, utf8.RuneCountInString(printable(name)))
	}
	p.row("directory", "files", "lines", "words", "bytes", "packages")
	for _, name := range shown {
		p.totals(printable(name), t.rows[name].total())
	}
	if more := len(names) - len(shown); more == 1 {
		p.WriteString("  and 1 more directory\n")
	} else if more > 1 {
		fmt.Fprintf(&p, "  and %d more directories\n", more)
	}
	p.totals("all", all)
	return p.String()
}

// printer prints rows.
type printer struct {
	strings.Builder
	width int // of the first column
}

// totals prints a row of numbers.
func (p *printer) totals(name string, t totals) {
	p.row(name, grouped(t.Files), grouped(t.Lines), grouped(t.Words), grouped(t.Bytes), grouped(t.Packages))
}

// row prints a row.
func (p *printer) row(name, files, lines, words, bytes, packages string) {
	fmt.Fprintf(p, "  %-*s %8s %11s %12s %14s %9s\n", p.width, name, files, lines, words, bytes, packages)
}

package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestTableShowsTheLargestDirectories(t *testing.T) {
	for name, test := range map[string]struct {
		directories int
		rows        int
		more        string
	}{
		"as many as fit": {15, 15, ""},
		"one more":       {16, 15, "  and 1 more directory\n"},
		"many more":      {40, 15, "  and 25 more directories\n"},
	} {
		t.Run(name, func(t *testing.T) {
			table := newTable()
			for i := range test.directories {
				table.add(fmt.Sprintf("d%d/sub/file", i), finding{bytes: uint64(i)})
			}
			text := table.text(totals{})
			if rows := strings.Count(text, "\n  d"); rows != test.rows {
				t.Errorf("%d rows, want %d:\n%s", rows, test.rows, text)
			}
			if !strings.Contains(text, test.more+"  all ") {
				t.Errorf("want %q in:\n%s", test.more, text)
			}
		})
	}
}

func TestTableIsSortedByBytesAndShowsFilesAtTheTop(t *testing.T) {
	table, all := newTable(), newSum()
	for path, f := range map[string]finding{
		"README":      {lines: 1, words: 2, bytes: 3},
		"lib/a.go":    {lines: 1000, words: 20000, bytes: 300000, goPackage: "lib"},
		"lib/b.go":    {lines: 1, words: 1, bytes: 1, goPackage: "lib"},
		"lib/x/a.go":  {lines: 1, words: 1, bytes: 1, goPackage: "lib"},
		"d\nir/a.txt": {bytes: 4},
	} {
		table.add(path, f)
		all.add(path, f)
	}
	const want = `  directory    files       lines        words          bytes  packages
  lib              3       1,002       20,002        300,002         2
  "d\nir"          1           0            0              4         0
  .                1           1            2              3         0
  all              5       1,003       20,004        300,009         2
`
	if got := table.text(all.total()); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestNumbersAreGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}

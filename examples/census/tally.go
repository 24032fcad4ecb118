package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	censusv1 "github.com/mittere/mittere/gen/census/v1"
)

// sum is what some files make together.
type sum struct {
	files               int
	lines, words, bytes uint64
	packages            map[string]bool // by folder and name
}

// add adds what was found in a file.
func (s *sum) add(file string, found *censusv1.CountResponse) {
	s.files++
	s.lines += found.GetLines()
	s.words += found.GetWords()
	s.bytes += found.GetBytes()
	if s.packages == nil {
		s.packages = map[string]bool{}
	}
	if name := found.GetGoPackage(); name != "" {
		s.packages[filepath.Dir(file)+" "+name] = true
	}
}

// tally adds answers up. Its methods may be called by any goroutine; the lock is also that
// of what is printed.
type tally struct {
	sync.Mutex
	all    sum
	top    map[string]*sum // by directory at the top of the tree
	faults []error
}

// add adds the answer for a file.
func (t *tally) add(file string, found *censusv1.CountResponse) {
	t.Lock()
	defer t.Unlock()
	top, _, below := strings.Cut(file, string(filepath.Separator))
	if !below {
		top = "."
	}
	if t.top == nil {
		t.top = map[string]*sum{}
	}
	if t.top[top] == nil {
		t.top[top] = &sum{}
	}
	t.top[top].add(file, found)
	t.all.add(file, found)
}

// fault notes an answer that is wrong or missing.
func (t *tally) fault(format string, args ...any) {
	t.Lock()
	defer t.Unlock()
	t.faults = append(t.faults, fmt.Errorf(format, args...))
}

// err returns the first of all faults, nil if there is none.
func (t *tally) err() error {
	const most = 10
	if len(t.faults) > most {
		return fmt.Errorf("%w\nand %d more", errors.Join(t.faults[:most]...), len(t.faults)-most)
	}
	return errors.Join(t.faults...)
}

// table returns the largest directories, and the total.
func (t *tally) table() string {
	const most = 15
	names := slices.SortedFunc(maps.Keys(t.top), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.top[b].bytes, t.top[a].bytes), cmp.Compare(a, b))
	})
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, s sum) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t\n", name, s.files, s.lines, s.words, s.bytes, len(s.packages))
	}
	fmt.Fprintln(w, "DIRECTORY\tFILES\tLINES\tWORDS\tBYTES\tPACKAGES\t")
	var others sum
	for i, name := range names {
		if i < most {
			row(name, *t.top[name])
			continue
		}
		others.files += t.top[name].files
	}
	if others.files > 0 {
		fmt.Fprintf(w, "others\t%d\t\t\t\t\t\n", others.files)
	}
	row("all", t.all)
	_ = w.Flush() // to memory
	return b.String()
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// report is what came out of a census.
type report struct {
	tree        *tree
	answers     []answer     // that count, in the order in which they came
	omitted     []omission   // what is in no total
	unreadable  map[int]bool // files among them
	unsteady    map[int]bool // files that were not as listed when they were read
	askedAgain  int          // files
	messages    uint64
	took        time.Duration
	services    string // what the services section says
	misdigested int    // digests of the service that are wrong
	check       check
}

// answer is what a worker found in a file.
type answer struct {
	file int
	finding
}

// newReport returns the report of a census that has not begun.
func newReport(t *tree) *report {
	return &report{tree: t, omitted: t.omitted, unreadable: map[int]bool{}, unsteady: map[int]bool{}}
}

// read reads a file of the tree and keeps in mind if it has changed.
func (r *report) read(file int) ([]byte, error) {
	content, same, err := r.tree.read(r.tree.files[file])
	if !same {
		r.unsteady[file] = true
	}
	return content, err
}

// omit enters a file that cannot be read.
func (r *report) omit(file int, reason error) {
	r.unreadable[file] = true
	r.omitted = append(r.omitted, omission{r.tree.files[file].path, reason})
}

// bytes returns how many bytes the answers are about.
func (r *report) bytes() (bytes uint64) {
	for _, a := range r.answers {
		bytes += a.bytes
	}
	return bytes
}

// text returns the report for people.
func (r *report) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", r.check.table.text(r.check.byMessages))
	writeNames(&b, "in no total, since they cannot be read", r.omitted, omission.String)
	writeNames(&b, "in no total, since they changed meanwhile", r.check.changed, printable)
	fmt.Fprintf(&b, "%d messages in %.1f s: %.0f messages/s  %s\n",
		r.messages, r.took.Seconds(), float64(r.messages)/r.took.Seconds(), rateOf(len(r.answers), r.bytes(), r.took))
	fmt.Fprintf(&b, "%s asked for again, %d lost, %d doubled\n",
		plural(r.askedAgain, "file"), len(r.check.lost), len(r.check.doubled))
	b.WriteString(r.services)
	fmt.Fprintln(&b, "next: the smallest program is examples/hello; go run ./examples/hello runs it")
	if t := r.check.byMessages; r.verdict() == nil {
		fmt.Fprintf(&b, "totals verified: %d files, %d bytes, %d messages\n", t.Files, t.Bytes, r.messages)
	}
	return b.String()
}

// writeNames writes what there is to say of some files, if there are any.
func writeNames[T any](b *strings.Builder, what string, list []T, name func(T) string) {
	if len(list) > 0 {
		fmt.Fprintf(b, "%s: %d\n%s", what, len(list), named(list, name))
	}
}

// verdict returns what is wrong, nil if nothing is.
func (r *report) verdict() error {
	var list []error
	for _, difference := range r.check.byMessages.differences(r.check.without) {
		list = append(list, errors.New(difference))
	}
	complain := func(what string, paths []string) {
		if len(paths) > 0 {
			list = append(list, fmt.Errorf("%s: %d\n%s", what, len(paths), named(paths, printable)))
		}
	}
	if r.misdigested > 0 {
		list = append(list, fmt.Errorf("digests of the service that are wrong: %d", r.misdigested))
	}
	complain("files without an answer", r.check.lost)
	complain("files that were counted twice", r.check.doubled)
	complain("files whose answer is wrong", r.check.wrong)
	if len(list) == 0 {
		return nil
	}
	return fmt.Errorf("the totals are wrong\n%w", errors.Join(list...))
}

// writeJSON writes the report for programs.
func (r *report) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{
		"tree":        r.tree.root,
		"totals":      r.check.byMessages,
		"verified":    r.verdict() == nil,
		"messages":    r.messages,
		"seconds":     r.took.Seconds(),
		"asked_again": r.askedAgain,
		"lost":        len(r.check.lost),
		"doubled":     len(r.check.doubled),
		"unreadable":  len(r.omitted),
		"changed":     len(r.check.changed),
	})
}

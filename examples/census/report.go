package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mittere/mittere/service/broker"
)

// report is what came out of a census. Each entry belongs to whoever has its file.
type report struct {
	tree      *tree
	entries   []entry // of the tree's files, in their order
	broker    broker.Counters
	messages  uint64
	took      time.Duration
	direct    string // what was done without the broker
	differing int    // files that were counted differently then
	view      string // what the broker says of itself
	check     check
}

// entry is what came out of one file: one of the first three, or nothing yet.
type entry struct {
	found      *finding
	failed     error // of its call
	unreadable error
	unsteady   bool // it was not as listed when it was read
}

// newReport returns the report of a census that has not begun.
func newReport(t *tree) *report { return &report{tree: t, entries: make([]entry, len(t.files))} }

// read reads a file of the tree and keeps in mind if it has changed.
func (r *report) read(file int) ([]byte, error) {
	content, same, err := r.tree.read(r.tree.files[file])
	if !same {
		r.entries[file].unsteady = true
	}
	return content, err
}

// counted returns how many files were counted, and how many bytes are in them.
func (r *report) counted() (files int, bytes uint64) {
	for _, e := range r.entries {
		if e.found != nil {
			files++
			bytes += e.found.bytes
		}
	}
	return files, bytes
}

// sample returns about so many of the files that were counted, none of them larger.
func (r *report) sample(about int, largest uint64) (files []int) {
	step := max(len(r.entries)/about, 1)
	for file := 0; file < len(r.entries); file += step {
		if found := r.entries[file].found; found != nil && found.bytes <= largest {
			files = append(files, file)
		}
	}
	return files
}

// omitted returns what is in no total because it cannot be read.
func (r *report) omitted() []omission {
	list := slices.Clone(r.tree.omitted)
	for file, e := range r.entries {
		if e.unreadable != nil {
			list = append(list, omission{r.tree.files[file].path, e.unreadable})
		}
	}
	return list
}

// text returns the report for people.
func (r *report) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", r.check.table.text(r.check.byMessages))
	writeNames(&b, "in no total, since they cannot be read", r.omitted(), omission.String)
	writeNames(&b, "in no total, since they changed meanwhile", r.check.changed, printable)
	files, bytes := r.counted()
	fmt.Fprintf(&b, "%d messages in %.1f s: %.0f messages/s  %s\n",
		r.messages, r.took.Seconds(), float64(r.messages)/r.took.Seconds(), rateOf(files, bytes, r.took))
	fmt.Fprintf(&b, "through the broker: %s, %d answered, %d given to another worker, %d lost\n",
		plural(int(r.broker.Requests), "request"), r.broker.Answered, r.broker.Redelivered, len(r.check.lost))
	b.WriteString(r.direct)
	b.WriteString(r.view)
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
	if r.differing > 0 {
		list = append(list, fmt.Errorf("files that were counted differently without the broker: %d", r.differing))
	}
	if len(r.check.lost) > 0 {
		list = append(list, fmt.Errorf("files without an answer: %d\n%s", len(r.check.lost), named(r.check.lost, omission.String)))
	}
	if len(r.check.wrong) > 0 {
		list = append(list, fmt.Errorf("files whose answer is wrong: %d\n%s", len(r.check.wrong), named(r.check.wrong, printable)))
	}
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
		"requests":    r.broker.Requests,
		"redelivered": r.broker.Redelivered,
		"lost":        len(r.check.lost),
		"unreadable":  len(r.omitted()),
		"changed":     len(r.check.changed),
	})
}

package main

import (
	"cmp"
	"context"
	"errors"
)

// check compares the answers with a count that is made without messages: by this
// process alone, which reads all files once more.
type check struct {
	lost       []omission // files without an answer, and why
	wrong      []string   // files whose answer is not what is found without messages
	changed    []string   // files that changed between the counts; they are in none
	byMessages totals
	without    totals
	table      *table // of what came by messages
}

// verify makes the check.
func (r *report) verify(ctx context.Context) error {
	r.check = check{table: newTable()}
	byMessages, without := newSum(), newSum()
	for file, f := range r.tree.files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		e := &r.entries[file]
		if e.unreadable != nil {
			continue
		}
		content, err := r.read(file)
		own := inspect(f.path, content)
		if err != nil || e.unsteady && e.found != nil && *e.found != own {
			r.check.changed = append(r.check.changed, f.path)
			continue
		}
		without.add(f.path, own)
		switch {
		case e.found == nil:
			r.check.lost = append(r.check.lost, omission{f.path, cmp.Or(e.failed, errNobodyAsked)})
			continue
		case *e.found != own:
			r.check.wrong = append(r.check.wrong, f.path)
		}
		byMessages.add(f.path, *e.found)
		r.check.table.add(f.path, *e.found)
	}
	r.check.byMessages, r.check.without = byMessages.total(), without.total()
	return nil
}

// errNobodyAsked is why a file has no answer that nobody was asked about: an error of
// this program.
var errNobodyAsked = errors.New("nobody was asked")

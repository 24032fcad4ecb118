package main

import "context"

// check compares the answers with a count that is made without messages: by this
// process alone, which reads all files once more.
type check struct {
	lost       []string // files without an answer
	doubled    []string // files with more than one answer that counted
	wrong      []string // files whose answer is not what is found without messages
	changed    []string // files that changed between the counts; they are in none
	byMessages totals
	without    totals
	table      *table // of what came by messages
}

// verify makes the check.
func (r *report) verify(ctx context.Context) error {
	r.check = check{table: newTable()}
	byMessages, without := newSum(), newSum()
	answers := r.byFile()
	for file, f := range r.tree.files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.unreadable[file] {
			continue
		}
		content, err := r.read(file)
		own := inspect(f.path, content)
		if err != nil || r.unsteady[file] && len(answers[file]) > 0 && answers[file][0] != own {
			r.check.changed = append(r.check.changed, f.path)
			continue
		}
		r.check.compare(f.path, answers[file], own)
		without.add(f.path, own)
		for _, found := range answers[file] {
			byMessages.add(f.path, found)
			r.check.table.add(f.path, found)
		}
	}
	r.check.byMessages, r.check.without = byMessages.total(), without.total()
	return nil
}

// compare compares the answers to one file with what is in it.
func (c *check) compare(path string, answers []finding, own finding) {
	switch {
	case len(answers) == 0:
		c.lost = append(c.lost, path)
	case len(answers) > 1:
		c.doubled = append(c.doubled, path)
	case answers[0] != own:
		c.wrong = append(c.wrong, path)
	}
}

// byFile returns the answers to each file. That there is one is to be seen, not
// taken for granted.
func (r *report) byFile() map[int][]finding {
	answers := map[int][]finding{}
	for _, a := range r.answers {
		answers[a.file] = append(answers[a.file], a.finding)
	}
	return answers
}

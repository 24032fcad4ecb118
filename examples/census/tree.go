package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// largestFile is the largest file that is sent, in bytes: a message is in memory whole.
const largestFile = 16 << 20

// tree is a source tree.
type tree struct {
	root  string
	files []string // regular files below the root, in lexical order

	mu      sync.Mutex
	omitted map[string]error // what cannot be read or is too large, and why
}

// omit notes that something is in no count.
func (t *tree) omit(path string, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.omitted[path] = why
}

// openTree lists the tree in a folder; "" is Go's own.
func openTree(ctx context.Context, dir string) (*tree, error) {
	if dir == "" {
		root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return nil, fmt.Errorf("go env GOROOT does not tell where Go's own sources are (%w); name a DIR", err)
		}
		dir = filepath.Join(strings.TrimSpace(string(root)), "src")
	}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.ReadDir(root); err != nil {
		return nil, err
	}
	t := &tree{root: root, omitted: map[string]error{}}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			t.omit(path, err)
		case d.Type().IsRegular(): // links are not followed
			t.files = append(t.files, strings.TrimPrefix(path[len(root):], string(filepath.Separator)))
		}
		return ctx.Err()
	})
	return t, err
}

// read returns what is in a file; false if it is omitted.
func (t *tree) read(file string) (content []byte, ok bool) {
	path := filepath.Join(t.root, file)
	info, err := os.Stat(path)
	if err == nil && info.Size() > largestFile {
		err = fmt.Errorf("larger than %d MiB", largestFile>>20)
	}
	if err == nil {
		content, err = os.ReadFile(path)
	}
	if err != nil {
		t.omit(path, err)
	}
	return content, err == nil
}

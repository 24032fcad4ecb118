package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// largestFile is the largest file that is sent, in bytes. A message is in memory
// whole, several times over at either end, so there has to be a bound.
const largestFile = 256 << 20

// tree is a source tree as it was when it was listed.
type tree struct {
	root      string // without links
	files     []file // in lexical order
	bytes     int64  // in all files
	links     int    // symbolic links inside, which are not followed
	irregular int    // pipes, devices and the like inside
	omitted   []omission
}

// file is one regular file.
type file struct {
	path     string // below the root
	size     int64
	modified time.Time
}

// omission is a file or folder that is in no count, and why.
type omission struct {
	path   string
	reason error
}

// String returns path and reason, and no path twice.
func (o omission) String() string {
	reason := o.reason
	if inPath := (*fs.PathError)(nil); errors.As(reason, &inPath) {
		reason = inPath.Err
	}
	return fmt.Sprintf("%s: %v", printable(o.path), reason)
}

// openTree lists the tree in a folder, or in a link to one; "" is Go's own.
func openTree(ctx context.Context, dir string) (*tree, error) {
	if dir == "" {
		var err error
		if dir, err = goSources(ctx); err != nil {
			return nil, err
		}
	}
	root, err := folder(dir)
	if err != nil {
		return nil, &usageError{fmt.Errorf("cannot count %v", omission{dir, err})}
	}
	t := &tree{root: root}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		t.enter(strings.TrimPrefix(path[len(root):], string(filepath.Separator)), d, err)
		return nil
	})
	return t, err
}

// goSources returns where the go command that is in the path has its sources. A
// binary that was built with -trimpath knows no better itself.
func goSources(ctx context.Context) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", &usageError{fmt.Errorf("go env GOROOT does not tell where Go's own sources are (%w); name a DIR", err)}
	}
	return filepath.Join(strings.TrimSpace(string(root)), "src"), nil
}

// folder returns the absolute path of a folder without links, if it can be
// listed.
func folder(dir string) (string, error) {
	path, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", errors.New("not a directory")
	}
	d, err := os.Open(path)
	if err != nil {
		return "", err
	}
	return path, d.Close()
}

// enter enters what the walk found at a path.
func (t *tree) enter(path string, d fs.DirEntry, err error) {
	switch {
	case err != nil:
		t.omitted = append(t.omitted, omission{path, err})
	case d.IsDir():
	case d.Type()&fs.ModeSymlink != 0:
		t.links++
	case !d.Type().IsRegular():
		t.irregular++
	default:
		t.enterFile(path, d)
	}
}

// enterFile enters a regular file.
func (t *tree) enterFile(path string, d fs.DirEntry) {
	info, err := d.Info()
	if err == nil && info.Size() > largestFile {
		err = fmt.Errorf("larger than %d MiB", largestFile>>20)
	}
	if err != nil {
		t.omitted = append(t.omitted, omission{path, err})
		return
	}
	t.files = append(t.files, file{path: path, size: info.Size(), modified: info.ModTime()})
	t.bytes += info.Size()
}

// sizes returns the sizes of the files.
func (t *tree) sizes() []int64 {
	sizes := make([]int64, len(t.files))
	for i, f := range t.files {
		sizes[i] = f.size
	}
	return sizes
}

// read returns what is in a file, and whether it is still as it was listed.
func (t *tree) read(f file) (content []byte, same bool, err error) {
	r, err := os.Open(filepath.Join(t.root, f.path))
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	buffer := bytes.NewBuffer(make([]byte, 0, f.size+bytes.MinRead))
	if _, err := buffer.ReadFrom(io.LimitReader(r, largestFile+1)); err != nil {
		return nil, false, err
	}
	if buffer.Len() > largestFile {
		return nil, false, fmt.Errorf("grew beyond %d MiB", largestFile>>20)
	}
	info, err := r.Stat()
	if err != nil {
		return nil, false, err
	}
	same = info.ModTime().Equal(f.modified) && info.Size() == f.size && buffer.Len() == int(f.size)
	return buffer.Bytes(), same, nil
}

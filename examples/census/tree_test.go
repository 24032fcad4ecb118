package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// makeTree makes files with these contents, by path, in a new folder.
func makeTree(t *testing.T, contents map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for path, content := range contents {
		path = filepath.Join(root, path)
		must(t, os.MkdirAll(filepath.Dir(path), 0o777))
		must(t, os.WriteFile(path, []byte(content), 0o666))
	}
	return root
}

// must fails the test if there is an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mustOpenTree lists a tree.
func mustOpenTree(t *testing.T, root string) *tree {
	t.Helper()
	opened, err := openTree(t.Context(), root)
	must(t, err)
	return opened
}

// wantPaths fails unless exactly these files are listed.
func wantPaths(t *testing.T, listed *tree, want ...string) {
	t.Helper()
	var got []string
	for _, f := range listed.files {
		got = append(got, f.path)
	}
	if !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

func TestTreeListsRegularFilesOnly(t *testing.T) {
	root := makeTree(t, map[string]string{"a/b/c": "1234", "a/d": "", "e\xff\n": "5"})
	must(t, os.Symlink(root, filepath.Join(root, "a", "loop")))
	must(t, os.Symlink("nowhere", filepath.Join(root, "dangling")))
	must(t, syscall.Mkfifo(filepath.Join(root, "pipe"), 0o666))
	listed := mustOpenTree(t, root)
	wantPaths(t, listed, "a/b/c", "a/d", "e\xff\n")
	if listed.bytes != 5 || listed.links != 2 || listed.irregular != 1 {
		t.Errorf("%d bytes, %d links, %d irregular; want 5, 2, 1", listed.bytes, listed.links, listed.irregular)
	}
}

func TestTreeMayBeBehindALink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(makeTree(t, map[string]string{"a": "1"}), link))
	wantPaths(t, mustOpenTree(t, link), "a")
}

func TestWithoutDirTheTreeIsGosOwn(t *testing.T) {
	listed := mustOpenTree(t, "")
	if len(listed.files) < 1000 || !slices.ContainsFunc(listed.files, func(f file) bool { return f.path == "fmt/print.go" }) {
		t.Errorf("%d files in %s, without fmt/print.go or too few", len(listed.files), listed.root)
	}
}

func TestTooLargeFileIsOmitted(t *testing.T) {
	root := makeTree(t, map[string]string{"large": "", "small": ""})
	must(t, os.Truncate(filepath.Join(root, "large"), largestFile+1))
	listed := mustOpenTree(t, root)
	wantPaths(t, listed, "small")
	if len(listed.omitted) != 1 || listed.omitted[0].String() != "large: larger than 256 MiB" {
		t.Errorf("omitted %v", listed.omitted)
	}
}

func TestFolderThatCannotBeListedIsOmitted(t *testing.T) {
	var listed tree
	listed.enter("closed", nil, &fs.PathError{Op: "open", Path: "/root/closed", Err: fs.ErrPermission})
	if len(listed.omitted) != 1 || listed.omitted[0].String() != "closed: permission denied" {
		t.Errorf("omitted %v", listed.omitted)
	}
}

func TestReadTellsWhetherAFileIsAsListed(t *testing.T) {
	root := makeTree(t, map[string]string{"a": "before"})
	listed := mustOpenTree(t, root)
	wantRead := func(wantContent string, wantSame bool) {
		t.Helper()
		content, same, err := listed.read(listed.files[0])
		if err != nil || string(content) != wantContent || same != wantSame {
			t.Errorf("read %q, same %v, error %v; want %q, %v", content, same, err, wantContent, wantSame)
		}
	}
	wantRead("before", true)
	must(t, os.WriteFile(filepath.Join(root, "a"), []byte("afterwards"), 0o666))
	wantRead("afterwards", false)
}

func TestBadDirIsWrongUse(t *testing.T) {
	root := makeTree(t, map[string]string{"file": ""})
	for dir, want := range map[string]string{
		filepath.Join(root, "missing"): "no such file or directory",
		filepath.Join(root, "file"):    "not a directory",
	} {
		_, err := openTree(t.Context(), dir)
		var wrong *usageError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), dir+": "+want) {
			t.Errorf("error %v, want wrong use and %q", err, want)
		}
	}
}

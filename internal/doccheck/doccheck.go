package doccheck

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Missing is one thing without a doc comment.
type Missing struct {
	Position token.Position // where it is declared
	What     string         // "package comm", "method Router.Send", "field Options.Linger"
}

// String returns the finding as compilers do: file:line, and what is wrong.
func (m Missing) String() string {
	return fmt.Sprintf("%s:%d: %s has no doc comment", m.Position.Filename, m.Position.Line, m.What)
}

// Module returns what lacks a comment in the packages below root, except those
// in the folders of skip (paths below root). Like the go command it passes
// over folders named testdata or beginning with a dot or an underscore, and
// over other modules. Test files count only where a package has no others, and
// then only for the comment of the package.
func Module(root string, skip ...string) (found []Missing, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if path != root && (notOurs(path) || contains(root, skip, path)) {
			return filepath.SkipDir
		}
		missing, err := folder(path)
		found = append(found, missing...)
		return err
	})
	return found, err
}

func notOurs(path string) bool {
	name := filepath.Base(path)
	if name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

func contains(root string, skip []string, path string) bool {
	return slices.ContainsFunc(skip, func(s string) bool { return filepath.Join(root, s) == path })
}

// folder checks the one package in a folder, for every build tag at once.
func folder(dir string) ([]Missing, error) {
	fset := token.NewFileSet()
	sources, tests, err := parse(fset, dir)
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return packageComment(fset, tests), nil
	}
	return Package(fset, sources), nil
}

// Package returns what lacks a comment in the files of one package, sorted by
// position.
func Package(fset *token.FileSet, files []*ast.File) []Missing {
	found := packageComment(fset, files)
	for _, file := range files {
		found = append(found, exports(fset, file)...)
	}
	slices.SortFunc(found, func(a, b Missing) int {
		return cmp.Or(
			strings.Compare(a.Position.Filename, b.Position.Filename),
			cmp.Compare(a.Position.Offset, b.Position.Offset))
	})
	return found
}

func packageComment(fset *token.FileSet, files []*ast.File) []Missing {
	has := func(f *ast.File) bool { return documented(f.Doc) }
	if len(files) == 0 || slices.ContainsFunc(files, has) {
		return nil
	}
	first := files[0]
	return []Missing{{fset.Position(first.Package), "package " + first.Name.Name}}
}

func parse(fset *token.FileSet, dir string) (sources, tests []*ast.File, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		if strings.HasSuffix(path, "_test.go") {
			tests = append(tests, file)
		} else {
			sources = append(sources, file)
		}
	}
	return sources, tests, nil
}

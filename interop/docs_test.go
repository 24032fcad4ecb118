package interop_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// document is the page for users of dīvidere. What it says of Go is
// held to the code here.
const document = "../docs/dividere.md"

func TestTheGoProgramsInTheDocumentAreTheExamples(t *testing.T) {
	page, examples := read(t, document), read(t, "guide_test.go")
	programs := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1)
	marked := regexp.MustCompile(`(?s)\t// begin\n(.*?)\t// end\n`).FindAllStringSubmatch(examples, -1)
	if len(programs) != len(marked) || len(programs) == 0 {
		t.Fatalf("%d programs in the document, %d examples", len(programs), len(marked))
	}
	for i := range programs {
		if want := dedent(marked[i][1]); programs[i][1] != want {
			t.Errorf("program %d of the document is not the example:\n%s", i+1, want)
		}
	}
}

// dedent takes a tab off each line.
func dedent(code string) string {
	return strings.TrimPrefix(strings.ReplaceAll("\n"+code, "\n\t", "\n"), "\n")
}

func TestTheTestsInTheDocumentExist(t *testing.T) {
	there := declared(t, ".")
	named := map[string]bool{}
	for _, name := range regexp.MustCompile(`\x60(Test\w+)\x60`).FindAllStringSubmatch(read(t, document), -1) {
		named[name[1]] = true
		if !there[name[1]] {
			t.Errorf("the document names %s, which is no test here", name[1])
		}
	}
	// What is shown and not told is of no use to who reads the page.
	for name := range there {
		if strings.HasPrefix(name, "Test") && !named[name] && !aboutItself(name) && !aboutSockets(name) {
			t.Errorf("the document does not name %s", name)
		}
	}
}

// aboutItself reports whether a test says nothing of the wire.
func aboutItself(name string) bool {
	return name == "TestMain" || strings.HasPrefix(name, "TestThe") || strings.Contains(name, "ControlChannel")
}

// aboutSockets reports whether a test has ZeroMQ's own sockets as peers, of which
// docs/engines.md tells.
func aboutSockets(name string) bool { return strings.Contains(name, "Pyzmq") }

func TestTheGoNamesInTheDocumentExist(t *testing.T) {
	there := map[string]bool{}
	for _, folder := range []string{"comm", "messaging", "messaging/message", "reactor"} {
		for name := range declared(t, filepath.Join("..", folder)) {
			there[filepath.Base(folder)+"."+name] = true
		}
	}
	name := regexp.MustCompile(`\x60((?:comm|messaging|message|reactor)\.[A-Z][\w.]*)`)
	for i, line := range strings.Split(read(t, document), "\n") {
		if strings.HasPrefix(line, "|") {
			_, line, _ = strings.Cut(line[1:], "|") // the first column is dīvidere's
		}
		for _, found := range name.FindAllStringSubmatch(line, -1) {
			if !there[found[1]] {
				t.Errorf("%s:%d: there is no %s", document, i+1, found[1])
			}
		}
	}
}

// declared returns the functions, types, constants, variables and methods
// ("Type.Method") that the files in a folder declare, whatever their build tags.
func declared(t *testing.T, folder string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := fs.Glob(os.DirFS(folder), "*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go in %s: %v", folder, err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			note(names, declaration)
		}
	}
	return names
}

// note adds the names of a declaration.
func note(names map[string]bool, declaration ast.Decl) {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		names[receiver(d)+d.Name.Name] = true
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names[s.Name.Name] = true
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names[name.Name] = true
				}
			}
		}
	}
}

// receiver returns "Type." for a method, nothing for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	kind := d.Recv.List[0].Type
	if pointer, ok := kind.(*ast.StarExpr); ok {
		kind = pointer.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name + "."
	}
	return fmt.Sprintf("%T.", kind) // of a generic type, which nobody names
}

// read returns the content of a file.
func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

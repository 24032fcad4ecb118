package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Where options are, and the limits that some of them take.
var (
	optionPackages = []string{
		"comm", "messaging", "messaging/call", "reactor", "registry", "service", "service/broker", "service/majordomo",
	}
	limitPackages = []string{"registry", "service/broker/internal/desk"}
)

func TestThePageOfOptionsNamesEveryOption(t *testing.T) {
	page, found := read("options.md"), 0
	for _, pkg := range optionPackages {
		for _, name := range optionsOf(pkg) {
			found++
			row := "\n| `" + filepath.Base(pkg) + "." + name + "` |"
			if n := strings.Count(page, row); n != 1 {
				t.Errorf("options.md has %d rows of %s.%s, want one", n, filepath.Base(pkg), name)
			}
		}
	}
	if found < 80 {
		t.Errorf("only %d options were found", found)
	}
}

func TestThePageOfOptionsNamesEveryLimit(t *testing.T) {
	page := read("options.md")
	for _, pkg := range limitPackages {
		for _, name := range limitsOf(pkg) {
			if !strings.Contains(page, "\n| `"+name+"` |") {
				t.Errorf("options.md has no row of %s of %s.Limits", name, filepath.Base(pkg))
			}
		}
	}
}

// optionsOf returns the functions of a package that return an option.
func optionsOf(pkg string) (names []string) {
	for _, decl := range declarationsOf(pkg) {
		f, is := decl.(*ast.FuncDecl)
		if is && f.Recv == nil && f.Name.IsExported() && f.Type.Results.NumFields() == 1 && isOption(f.Type.Results.List[0].Type) {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// isOption reports whether a type is one of the sealed sets of options.
func isOption(result ast.Expr) bool {
	name, is := result.(*ast.Ident)
	return is && name.IsExported() && strings.HasSuffix(name.Name, "Option")
}

// limitsOf returns the fields of a package's type Limits.
func limitsOf(pkg string) (names []string) {
	for _, decl := range declarationsOf(pkg) {
		ast.Inspect(decl, func(n ast.Node) bool {
			spec, is := n.(*ast.TypeSpec)
			if !is || spec.Name.Name != "Limits" {
				return !is
			}
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				for _, name := range field.Names {
					names = append(names, name.Name)
				}
			}
			return false
		})
	}
	return names
}

// declarationsOf returns what the files of a package declare, its tests left out.
func declarationsOf(pkg string) (all []ast.Decl) {
	for _, file := range must(filepath.Glob(filepath.Join("..", pkg, "*.go"))) {
		if !strings.HasSuffix(file, "_test.go") {
			all = append(all, must(parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)).Decls...)
		}
	}
	return all
}

func TestThePageOfOptionsNamesEveryFlagOfRegistryAndBroker(t *testing.T) {
	page, flag := read("options.md"), regexp.MustCompile(`(?m)^ +(--[a-z-]+) `)
	for _, command := range []string{"registry", "broker"} {
		_, flags, _ := strings.Cut(read("../cmd/mittere/testdata/help-"+command+".golden"), "\nFlags:\n")
		flags, _, _ = strings.Cut(flags, "Global Flags:")
		found := flag.FindAllStringSubmatch(flags, -1)
		if len(found) < 8 {
			t.Errorf("mittere %s has %d flags", command, len(found))
		}
		for _, m := range found {
			if !strings.Contains(page, "`"+m[1]+"`") {
				t.Errorf("options.md does not name %s of mittere %s", m[1], command)
			}
		}
	}
}

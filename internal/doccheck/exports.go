package doccheck

import (
	"go/ast"
	"go/token"
)

// exports returns what a file exports without a comment. A comment on a group
// says what the group is for; each member of it still has its own, in front
// or, for values and fields, at the end of the line.
func exports(fset *token.FileSet, file *ast.File) []Missing {
	w := walker{fset: fset}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			w.function(d)
		case *ast.GenDecl:
			w.group(d)
		}
	}
	return w.found
}

type walker struct {
	fset  *token.FileSet
	found []Missing
}

// want reports the name if it is exported and none of the comments says what
// it is. The owner is the type that a method or field belongs to.
func (w *walker) want(kind, owner string, name *ast.Ident, comments ...*ast.CommentGroup) {
	if !name.IsExported() || documented(comments...) {
		return
	}
	what := name.Name
	if owner != "" {
		what = owner + "." + what
	}
	w.found = append(w.found, Missing{w.fset.Position(name.Pos()), kind + " " + what})
}

// documented reports whether one of the comments has words: a directive such
// as //go:embed is none.
func documented(comments ...*ast.CommentGroup) bool {
	for _, c := range comments {
		if c.Text() != "" {
			return true
		}
	}
	return false
}

func (w *walker) function(d *ast.FuncDecl) {
	if d.Recv == nil {
		w.want("func", "", d.Name, d.Doc)
		return
	}
	// A method of a type that is not exported shows in no documentation.
	if receiver := receiverOf(d); ast.IsExported(receiver) {
		w.want("method", receiver, d.Name, d.Doc)
	}
}

// receiverOf returns the name of the type under pointer and type parameters.
func receiverOf(d *ast.FuncDecl) string {
	for t := d.Recv.List[0].Type; ; {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

func (w *walker) group(d *ast.GenDecl) {
	// Without parentheses the comment in front of the keyword is the member's.
	var doc *ast.CommentGroup
	if !d.Lparen.IsValid() {
		doc = d.Doc
	}
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			w.want("type", "", s.Name, doc, s.Doc)
			w.members(s)
		case *ast.ValueSpec:
			w.values(d.Tok, s, doc)
		}
	}
}

func (w *walker) values(kind token.Token, s *ast.ValueSpec, doc *ast.CommentGroup) {
	for _, name := range s.Names {
		w.want(kind.String(), "", name, doc, s.Doc, s.Comment)
	}
}

// members looks at the fields and methods of an exported struct or interface,
// those of types without a name inside it too.
func (w *walker) members(s *ast.TypeSpec) {
	if !s.Name.IsExported() {
		return
	}
	ast.Inspect(s.Type, func(n ast.Node) bool {
		switch t := n.(type) {
		case *ast.StructType:
			w.fields("field", s.Name.Name, t.Fields)
		case *ast.InterfaceType:
			w.fields("method", s.Name.Name, t.Methods)
		}
		return true
	})
}

// fields passes over what is embedded: it has no name of its own, and its
// type's comment says what it is.
func (w *walker) fields(kind, owner string, list *ast.FieldList) {
	for _, field := range list.List {
		for _, name := range field.Names {
			w.want(kind, owner, name, field.Doc, field.Comment)
		}
	}
}

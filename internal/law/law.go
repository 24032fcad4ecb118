package law

import (
	"fmt"
	"slices"
	"strings"
)

// Graph is what is known of a module: who imports whom.
type Graph struct {
	Module   string    // path of the module
	Requires []string  // modules that it requires directly
	Packages []Package // its own packages
}

// Package is one package of the module.
type Package struct {
	Path        string   // import path
	Imports     []string // what its own files import
	TestImports []string // what its test files import, of either package
}

// Violation is one import, package or requirement that the law forbids.
type Violation struct {
	Who string // path of the package or the module, or pattern of the row
	Why string // what it may not do
}

// String returns the violation in one line.
func (v Violation) String() string {
	return v.Who + " " + v.Why
}

// Check returns everything in the graph that the law forbids, in the order of
// the graph; see [Unused] for the other direction. Test files may import any package of ours and any module that the
// root requires, because a test may bring every layer to bear, and libzmq's own
// sockets as peers; only cgo is the package's own affair.
func Check(g Graph) []Violation {
	c := checker{graph: g}
	for _, p := range g.Packages {
		c.pkg(p)
	}
	for _, module := range g.Requires {
		c.requirement(module)
	}
	return c.found
}

// Unused returns the rows of the table that no package of the graph has, and what
// rows allow that is no row.
func Unused(g Graph) []Violation {
	c := checker{graph: g}
	rows := map[string]bool{"...": true}
	for _, row := range Table() {
		rows[row.Package] = false
	}
	for _, p := range g.Packages {
		if row, ok := rowOf(c.local(p.Path)); ok {
			rows[row.Package] = true
		}
	}
	for _, row := range Table() {
		if !rows[row.Package] {
			c.report(row.Package, "has a row in the table and no package")
		}
		for _, other := range row.May {
			if _, ok := rows[other]; !ok {
				c.report(row.Package, "may import %s, which is no row", other)
			}
		}
	}
	return c.found
}

type checker struct {
	graph Graph
	found []Violation
}

func (c *checker) pkg(p Package) {
	row, ok := rowOf(c.local(p.Path))
	if !ok {
		c.report(p.Path, "has no row in the table")
		return
	}
	for _, path := range p.Imports {
		if c.ours(path) && !row.allows(c.local(path)) {
			c.report(p.Path, "may not import %s", path)
		}
	}
	for _, path := range p.Imports {
		if !c.ours(path) && !outsiderAllowed(c.local(p.Path), path) {
			c.report(p.Path, "may not import %s", path)
		}
	}
	for _, path := range p.TestImports {
		if !c.ours(path) && !knownOutsider(path) && !outsiderAllowed(c.local(p.Path), path) {
			c.report(p.Path, "may not import %s", path)
		}
	}
}

func (c *checker) requirement(module string) {
	named := func(o Outsider) bool { return o.Module == module }
	if !slices.ContainsFunc(Outsiders(), named) {
		c.report(c.graph.Module, "may not require %s", module)
	}
}

func (c *checker) report(who, why string, args ...any) {
	c.found = append(c.found, Violation{who, fmt.Sprintf(why, args...)})
}

func (c *checker) ours(path string) bool {
	return within(c.graph.Module, path)
}

// local returns a path as the table writes it, without the module's.
func (c *checker) local(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, c.graph.Module), "/")
}

// outsiderAllowed reports whether the package may import the path of another
// module. The standard library is open to all.
func outsiderAllowed(pkg, path string) bool {
	if standard(path) {
		return true
	}
	allows := func(o Outsider) bool { return within(o.Module, path) && matchesAny(o.In, pkg) }
	return slices.ContainsFunc(Outsiders(), allows)
}

// knownOutsider reports whether a path is of a module that the root requires.
func knownOutsider(path string) bool {
	return path != "C" && slices.ContainsFunc(Outsiders(), func(o Outsider) bool { return within(o.Module, path) })
}

// standard reports whether a path is of the standard library: there the first
// element is no domain. The "C" of cgo is named like one of them and is none.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return path != "C" && !strings.Contains(first, ".")
}

// within reports whether path is root or below it.
func within(root, path string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

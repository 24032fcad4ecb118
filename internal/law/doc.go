// Package law holds the import law: which package may import which. It stands
// beside the layers, imports none of them, and is used by its own test alone,
// which checks the whole module against the [Table].
//
// The table says it shortest: gen < comm < messaging < reactor < registry <
// service < cmd. A package that has no row in it breaks the law too, so that
// the author of a package decides where it belongs.
package law

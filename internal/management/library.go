package management

// Library returns the version of this library that the program is built with; empty
// if the program does not know.
func Library() string { return library() }

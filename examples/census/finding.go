package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"go/parser"
	"go/token"
	"strings"

	censusv1 "github.com/mittere/mittere/gen/census/v1"
)

// finding is what is in one file. See CountResponse for what the fields mean.
type finding struct {
	lines, words, bytes uint64
	sha256              [sha256.Size]byte
	goPackage           string
}

// inspect counts a file.
func inspect(path string, content []byte) finding {
	return finding{
		lines:     countLines(content),
		words:     countWords(content),
		bytes:     uint64(len(content)),
		sha256:    sha256.Sum256(content),
		goPackage: goPackage(path, content),
	}
}

// countLines counts line ends, and a last line without one.
func countLines(content []byte) uint64 {
	lines := uint64(bytes.Count(content, []byte{'\n'}))
	if len(content) > 0 && content[len(content)-1] != '\n' {
		lines++
	}
	return lines
}

// countWords counts runs of bytes that are not white space.
func countWords(content []byte) (words uint64) {
	inside := false
	for _, b := range content {
		space := b == ' ' || '\t' <= b && b <= '\r'
		if inside && space {
			words++
		}
		inside = !space
	}
	if inside {
		words++
	}
	return words
}

// goPackage returns the name in the package clause of a Go file, "" for others.
func goPackage(path string, content []byte) string {
	if !strings.HasSuffix(path, ".go") {
		return ""
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), path, content, parser.PackageClauseOnly)
	if err != nil { // a file to test parsers with, most likely
		return ""
	}
	return parsed.Name.Name
}

// response returns the finding as it travels.
func (f finding) response() *censusv1.CountResponse {
	return &censusv1.CountResponse{
		Lines:     f.lines,
		Words:     f.words,
		Bytes:     f.bytes,
		Sha256:    f.sha256[:],
		GoPackage: f.goPackage,
	}
}

// findingOf returns a finding that arrived.
func findingOf(r *censusv1.CountResponse) (finding, error) {
	if len(r.GetSha256()) != sha256.Size {
		return finding{}, fmt.Errorf("a SHA-256 of %d bytes", len(r.GetSha256()))
	}
	return finding{
		lines:     r.GetLines(),
		words:     r.GetWords(),
		bytes:     r.GetBytes(),
		sha256:    [sha256.Size]byte(r.GetSha256()),
		goPackage: r.GetGoPackage(),
	}, nil
}

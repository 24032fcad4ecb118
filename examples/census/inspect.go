package main

import (
	"bytes"
	"crypto/sha256"
	"go/parser"
	"go/token"
	"strings"

	censusv1 "github.com/mittere/mittere/gen/census/v1"
)

// inspect counts a file. See CountResponse for what the fields mean.
func inspect(path string, content []byte) *censusv1.CountResponse {
	lines := bytes.Count(content, []byte{'\n'})
	if len(content) > 0 && content[len(content)-1] != '\n' {
		lines++
	}
	sum := sha256.Sum256(content)
	return &censusv1.CountResponse{
		Lines: uint64(lines), Words: countWords(content), Bytes: uint64(len(content)),
		Sha256: sum[:], GoPackage: goPackage(path, content),
	}
}

// countWords counts runs of bytes that are not white space.
func countWords(content []byte) (words uint64) {
	inside := false
	for _, b := range content {
		space := b == ' ' || '\t' <= b && b <= '\r'
		if !space && !inside {
			words++
		}
		inside = !space
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

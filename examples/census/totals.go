package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"path/filepath"
)

// totals are what all findings together make.
type totals struct {
	Files    int    `json:"files"`
	Lines    uint64 `json:"lines"`
	Words    uint64 `json:"words"`
	Bytes    uint64 `json:"bytes"`
	Packages int    `json:"packages"` // Go package names, each folder's for itself
	Digest   string `json:"digest"`   // SHA-256 of all SHA-256 sums, in the order of the paths
}

// sum adds findings up.
type sum struct {
	totals
	packages map[string]bool // by folder and name
	digest   hash.Hash
}

// newSum returns the sum of nothing.
func newSum() *sum { return &sum{packages: map[string]bool{}, digest: sha256.New()} }

// add adds what was found in the file at a path.
func (s *sum) add(path string, f finding) {
	s.Files++
	s.Lines += f.lines
	s.Words += f.words
	s.Bytes += f.bytes
	s.digest.Write(f.sha256[:])
	if f.goPackage != "" {
		s.packages[filepath.Join(filepath.Dir(path), f.goPackage)] = true
	}
}

// total returns the totals of what was added so far.
func (s *sum) total() totals {
	t := s.totals
	t.Packages = len(s.packages)
	t.Digest = hex.EncodeToString(s.digest.Sum(nil))
	return t
}

// differences says in what totals that came by messages differ from those that
// did not.
func (t totals) differences(without totals) (list []string) {
	compare := func(what string, by, without any) {
		if by != without {
			list = append(list, fmt.Sprintf("%s: %v by messages, %v without", what, by, without))
		}
	}
	compare("files", t.Files, without.Files)
	compare("lines", t.Lines, without.Lines)
	compare("words", t.Words, without.Words)
	compare("bytes", t.Bytes, without.Bytes)
	compare("Go packages", t.Packages, without.Packages)
	compare("digest", t.Digest, without.Digest)
	return list
}

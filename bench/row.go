package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Pattern is what the two processes of a cell do with each other.
type Pattern string

// The patterns. A system takes those for which it has the methods.
const (
	// PatternEcho sends bytes there and the same bytes back.
	PatternEcho Pattern = "echo"
	// PatternQuote sends a message of several fields and a computed answer.
	PatternQuote Pattern = "quote"
	// PatternTicks sends numbered messages one way.
	PatternTicks Pattern = "ticks"
)

// Row is one line of the table for each system.
type Row struct {
	// Name is what -row takes.
	Name string `json:"name"`
	// Title says it in words.
	Title string `json:"title"`
	// Pattern is what is done.
	Pattern Pattern `json:"pattern"`
	// InFlight is how many requests wait for their reply at any time.
	InFlight int `json:"in_flight"`
}

// allRows is the table from top to bottom.
func allRows() []Row {
	return []Row{
		{"request-1", "request/reply, 100 B, 1 in flight", PatternEcho, 1},
		{"request-128", "request/reply, 100 B, 128 in flight", PatternEcho, 128},
		{"publish", "publish/subscribe, 100 B, no loss", PatternTicks, 0},
		{"typed-128", "typed request/reply, fields of about 100 B, 128 in flight", PatternQuote, 128},
	}
}

// pickRows returns the rows of a list of names or numbers, all for "".
func pickRows(list string) ([]Row, error) {
	rows := allRows()
	if list == "" {
		return rows, nil
	}
	var picked []Row
	for word := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == word })
		if n, err := strconv.Atoi(word); err == nil {
			i = n - 1
		}
		if i < 0 || i >= len(rows) {
			return nil, fmt.Errorf("no row %q", word)
		}
		picked = append(picked, rows[i])
	}
	return picked, nil
}

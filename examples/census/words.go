package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plural returns a number and what it counts, whose plural ends in s.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// grouped returns a number with its digits in groups of three.
func grouped[N int | uint64](n N) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// printable returns a path as it is, or quoted if it would spoil the line.
func printable(path string) string {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	if !utf8.ValidString(path) || strings.ContainsFunc(path, hidden) {
		return strconv.Quote(path)
	}
	return path
}

// mostNamed is how many of a long list are named.
const mostNamed = 10

// named returns the first of a list, one in a line, and how many more there are.
func named[T any](list []T, name func(T) string) string {
	var b strings.Builder
	for _, item := range list[:min(len(list), mostNamed)] {
		fmt.Fprintf(&b, "    %s\n", name(item))
	}
	if more := len(list) - mostNamed; more > 0 {
		fmt.Fprintf(&b, "    and %d more\n", more)
	}
	return b.String()
}

package ratelog

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// longest is how many bytes of a text are written.
	longest = 300
	// mostListed is how many texts of a list are, and longestListed how many bytes of each.
	mostListed, longestListed = 5, 60
)

// clip returns attributes of a line, pairs of a name and a value, with values that are cut
// if they are long; but for a stack, which is the program's own.
func clip(args []any) []any {
	args = slices.Clone(args)
	for i := 1; i < len(args); i += 2 {
		if args[i-1] != "stack" {
			args[i] = clipValue(args[i])
		}
	}
	return args
}

// clipValue returns a value, cut if it is long.
func clipValue(value any) any {
	switch v := value.(type) {
	case string:
		return cut(v, longest)
	case error:
		return cut(v.Error(), longest)
	case []string:
		return list(v)
	default:
		return value
	}
}

// cut returns the beginning of a text, and how much of it is left out.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s... (%d bytes)", strings.ToValidUTF8(text[:most], ""), len(text))
}

// list returns the first texts of a list, and how many are left out.
func list(texts []string) []string {
	var some []string
	for _, text := range texts[:min(len(texts), mostListed)] {
		some = append(some, cut(text, longestListed))
	}
	if more := len(texts) - len(some); more > 0 {
		some = append(some, fmt.Sprintf("and %d more", more))
	}
	return some
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mittere/mittere/messaging"
)

// The formats of output.
const (
	formatTable = "table"
	formatJSON  = "json"
)

// printer prints results. Each thing is one write, so that a reader that waits for
// it gets it at once.
type printer struct {
	out    io.Writer
	format string
}

// json reports whether programs read the output.
func (p printer) json() bool { return p.format == formatJSON }

// text prints text.
func (p printer) text(text string) error {
	if _, err := io.WriteString(p.out, text); err != nil {
		return messaging.Errorf(messaging.Unknown, "standard output: %w", err)
	}
	return nil
}

// object prints a value as one line of JSON.
func (p printer) object(v any) error {
	line, err := objectJSON(v)
	if err != nil {
		return messaging.Errorf(messaging.Internal, "%w", err)
	}
	return p.text(string(line) + "\n")
}

// rows prints lines of cells in columns. Text of peers is made
// printable; an empty cell is a dash.
func (p printer) rows(rows ...[]string) error {
	var b strings.Builder
	columns := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = printable(cell); cell == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(columns, strings.Join(cells, "\t"))
	}
	if err := columns.Flush(); err != nil {
		return messaging.Errorf(messaging.Internal, "%w", err)
	}
	return p.text(b.String())
}

// objects prints one object a line.
func objects[T any](p printer, values []T) error {
	for _, v := range values {
		if err := p.object(v); err != nil {
			return err
		}
	}
	return nil
}

// printable returns text with everything escaped that is not seen as it is: a name
// from outside must not move the cursor, or turn the line around.
func printable(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch _, size := utf8.DecodeRuneInString(text[i:]); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\u00a0': // of errors of the protobuf library, at random
			b.WriteByte(' ')
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// objectJSON returns a value as JSON on one line.
func objectJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return escapeJSON(bytes.TrimSpace(b.Bytes())), nil
}

// escapeJSON escapes in JSON what terminals take for commands and JSON allows: it
// means the same afterwards, since such characters are in strings only.
func escapeJSON(text []byte) []byte {
	if !bytes.ContainsFunc(text, invisible) {
		return text
	}
	var b []byte
	for _, r := range string(text) {
		switch {
		case !invisible(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}

// invisible reports whether a rune does something other than being seen.
func invisible(r rune) bool { return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) }

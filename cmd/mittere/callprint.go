package main

import (
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// printTiming prints where the time went, if that is wanted. Without an answer only
// the caller's own is known.
func (c *callCommand) printTiming(t *call.Timing, total time.Duration) {
	switch {
	case !c.timing:
	case t.Instance == "":
		fmt.Fprintf(c.stderr, "all in all %s\n", short(total))
	default:
		fmt.Fprintf(c.stderr, "waited %s, executed %s, all in all %s, at instance %s\n",
			short(t.Waited), short(t.Executed), short(total), printable(t.Instance))
	}
}

// print prints one answer.
func (c *callCommand) print(m proto.Message, types resolver) error {
	text, err := messageJSON(m, types)
	if err != nil {
		return messaging.Errorf(messaging.Internal, "the answer cannot be printed: %w", err)
	}
	rows := cells(m, text)
	if c.printer.json() || rows == nil {
		return c.printer.text(string(text) + "\n")
	}
	return c.printer.rows(rows...)
}

// cells returns the fields of a message whose JSON is text, nil if its JSON is not its
// fields.
func cells(m proto.Message, text []byte) [][]string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil {
		return nil
	}
	rows := [][]string{}
	all := m.ProtoReflect().Descriptor().Fields()
	for i := range all.Len() {
		if value, ok := fields[all.Get(i).JSONName()]; ok {
			rows = append(rows, []string{all.Get(i).JSONName(), plainText(value)})
			delete(fields, all.Get(i).JSONName())
		}
	}
	if len(fields) > 0 { // one of the types whose JSON is not their fields
		return nil
	}
	return rows
}

// plainText returns a JSON string without its quotes, all else as it is.
func plainText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

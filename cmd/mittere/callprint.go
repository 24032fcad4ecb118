package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"

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

// answer returns an answer as JSON on one line. One that is not what the method
// promises is an error, and all the same there: the call was executed.
func (x *exchange) answer(e *messaging.Envelope) (text []byte, err error) {
	output := x.method.Output()
	if e.Type != string(output.FullName()) {
		packed := &anypb.Any{TypeUrl: urlOfName(e.Type), Value: e.Body}
		text, _ = anyJSON(packed, x.schema.types, answerRoom)
		return text, messaging.Errorf(messaging.Internal, "the answer is a %s, not a %s", e.Type, output.FullName())
	}
	text, err = messageJSON(dynamicpb.NewMessageType(output), e.Body, x.schema.types)
	if err != nil {
		err = messaging.Errorf(messaging.Internal, "the answer is no %s: %s", output.FullName(), protobufText(err))
	}
	return text, err
}

// message prints a message whose JSON is text.
func (p printer) message(text []byte) error {
	rows := cells(text)
	if p.json() || rows == nil {
		return p.text(string(text) + "\n")
	}
	return p.rows(rows...)
}

// cells returns the members of a JSON object, nil if the JSON is none.
func cells(text []byte) [][]string {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	rows := [][]string{}
	for decoder.More() {
		name, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			return nil
		}
		rows = append(rows, []string{fmt.Sprint(name), plainText(value)})
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

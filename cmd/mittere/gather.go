package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// gather makes a call that several workers answer, and prints their answers.
func (c *callCommand) gather(ctx context.Context, caller call.Caller, x *exchange) error {
	a := &answers{printer: c.printer, types: x.schema.types}
	r := c.request(x)
	r.Several = &call.Several{From: func(worker string) { a.worker = worker }, Failed: a.failed}
	began := time.Now()
	err := caller.Call(ctx, r, func(e *messaging.Envelope) error {
		answer := dynamicpb.NewMessage(x.method.Output())
		if err := e.OpenInto(answer); err != nil {
			return a.failed(a.worker, err)
		}
		return a.print(answer)
	})
	c.printTiming(&call.Timing{}, time.Since(began))
	if err == nil {
		err = a.first
	}
	if err != nil {
		return &detailedError{messaging.AsError(err), x.schema.types}
	}
	return nil
}

// answers are those of several workers to one call.
type answers struct {
	printer
	types  resolver
	worker string // whose answer comes next
	first  error  // the first that failed
}

// answerJSON is what a worker answered, in JSON.
type answerJSON struct {
	Worker string          `json:"worker"`
	Answer json.RawMessage `json:"answer,omitempty"`
	Error  *failureJSON    `json:"error,omitempty"`
}

// print prints one answer.
func (a *answers) print(m proto.Message) error {
	text, err := messageJSON(m, a.types)
	if err != nil {
		return messaging.Errorf(messaging.Internal, "the answer cannot be printed: %w", err)
	}
	if a.json() {
		return a.object(answerJSON{Worker: a.worker, Answer: text})
	}
	rows := cells(m, text)
	if rows == nil {
		rows = [][]string{{"answer", string(text)}}
	}
	return a.rows(append([][]string{{"worker", a.worker}}, rows...)...)
}

// failed prints that a worker has no answer. The others may still have one.
func (a *answers) failed(worker string, err error) error {
	if a.first == nil {
		a.first = messaging.Errorf(messaging.CodeOf(err), "worker %s: %w", worker, err)
	}
	if a.json() {
		return a.object(answerJSON{Worker: worker, Error: failureOf(err)})
	}
	return a.rows([]string{"worker", worker}, []string{"error", fmt.Sprint(err)})
}

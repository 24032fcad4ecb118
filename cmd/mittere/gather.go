package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

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
		text, err := x.answer(e)
		if err != nil {
			a.fail(a.worker, err)
		}
		return a.print(text)
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
func (a *answers) print(text []byte) error {
	if a.json() {
		return a.object(answerJSON{Worker: a.worker, Answer: text})
	}
	rows := cells(text)
	if rows == nil {
		rows = [][]string{{"answer", string(text)}}
	}
	return a.rows(append([][]string{{"worker", a.worker}}, rows...)...)
}

// fail keeps the first error.
func (a *answers) fail(worker string, err error) {
	if a.first == nil {
		a.first = messaging.Errorf(messaging.CodeOf(err), "worker %s: %w", worker, err)
	}
}

// failed prints that a worker has no answer. The others may still have one.
func (a *answers) failed(worker string, err error) error {
	a.fail(worker, err)
	if a.json() {
		failure := failureOf(err)
		failure.Details = detailsJSON(messaging.AsError(err).Details, a.types)
		return a.object(answerJSON{Worker: worker, Error: failure})
	}
	return a.rows([]string{"worker", worker}, []string{"error", fmt.Sprint(err)})
}

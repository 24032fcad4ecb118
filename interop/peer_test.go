//go:build interop

package interop_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// peer is a process with dīvidere in it. Its methods belong to the goroutine of
// the test.
type peer struct {
	t       testing.TB
	process *process
}

// arguments are those of a command.
type arguments map[string]any

// pending is a command whose answer has not been read.
type pending struct {
	peer     *peer
	op       string
	answer   chan []byte
	patience time.Duration
}

// begin gives a command without waiting for its answer.
func (p *peer) begin(op string, arguments arguments) *pending {
	p.t.Helper()
	command := map[string]any{"op": op}
	for name, argument := range arguments {
		command[name] = argument
	}
	line, err := json.Marshal(command)
	if err != nil {
		p.t.Fatalf("%s: %v", op, err)
	}
	c := &pending{peer: p, op: op, answer: p.process.expect(), patience: patience}
	if _, err := p.process.input.Write(append(line, '\n')); err != nil {
		p.t.Fatalf("%s: the peer is gone: %v", op, err)
	}
	return c
}

// try waits for the answer. An exception in the peer is an error.
func (c *pending) try(result any) error {
	c.peer.t.Helper()
	timeout := time.NewTimer(c.patience)
	defer timeout.Stop()
	var line []byte
	select {
	case line = <-c.answer:
	case <-c.peer.process.reading:
		c.peer.t.Fatalf("%s: the peer is gone", c.op)
	case <-timeout.C:
		c.peer.t.Fatalf("%s: no answer of the peer within %v", c.op, c.patience)
	}
	var answer struct {
		OK    json.RawMessage
		Error string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		c.peer.t.Fatalf("%s: answer %.200q: %v", c.op, line, err)
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.OK, result)
}

// end waits for the answer, which must not be an exception.
func (c *pending) end(result any) {
	c.peer.t.Helper()
	if err := c.try(result); err != nil {
		c.peer.t.Fatalf("%s: %v", c.op, err)
	}
}

// do gives a command and waits for its answer.
func (p *peer) do(result any, op string, arguments arguments) {
	p.t.Helper()
	p.begin(op, arguments).end(result)
}

// open makes an object of dīvidere under a name.
func (p *peer) open(name, factory string, constructor ...any) {
	p.t.Helper()
	if constructor == nil {
		constructor = []any{}
	}
	p.do(nil, "open", arguments{"name": name, "factory": factory, "arguments": constructor})
}

// ofTypes is the argument of a constructor that takes messages to learn their
// types.
func ofTypes(names ...string) map[string]any { return map[string]any{"types": names} }

// endpoint returns where an object is bound. Of one with several sockets, inner
// is the attribute that has the one.
func (p *peer) endpoint(name string, inner ...string) string {
	p.t.Helper()
	attribute := ""
	if len(inner) > 0 {
		attribute = inner[0]
	}
	var endpoint string
	p.do(&endpoint, "endpoint", arguments{"name": name, "inner": attribute})
	return endpoint
}

// send makes an object send a message.
func (p *peer) send(name string, m proto.Message) {
	p.t.Helper()
	p.do(nil, "send", arguments{"name": name, "message": toValue(m)})
}

// sendRouted makes a Dealer send a message with a route in front.
func (p *peer) sendRouted(name string, route messaging.Route, m proto.Message) {
	p.t.Helper()
	var frames []string
	for _, frame := range route {
		frames = append(frames, hex.EncodeToString(frame))
	}
	p.do(nil, "send", arguments{"name": name, "route": frames, "message": toValue(m)})
}

// sendBytes makes an object of dīvidere's lower layer send a frame.
func (p *peer) sendBytes(name string, frame []byte) {
	p.t.Helper()
	p.do(nil, "send", arguments{"name": name, "bytes": hex.EncodeToString(frame)})
}

// arrival is what dīvidere received.
type arrival struct {
	socket  string          // the class of the socket, if a reactor received it
	route   messaging.Route // nil if the message is not routed
	message proto.Message   // nil if it is bytes
	bytes   []byte
}

// recv waits for what an object of dīvidere receives.
func (p *peer) recv(name string) arrival {
	p.t.Helper()
	return p.arrival(p.begin("recv", arguments{"name": name}))
}

// handled waits for what a reactor of dīvidere handles.
func (p *peer) handled(name string) arrival {
	p.t.Helper()
	return p.arrival(p.begin("handled", arguments{"name": name}))
}

// arrival reads the answer to a command that receives something.
func (p *peer) arrival(command *pending) arrival {
	p.t.Helper()
	var wire struct {
		Socket  string
		Route   []string
		Message *value
		Bytes   string
	}
	command.end(&wire)
	a := arrival{socket: wire.Socket, bytes: p.unhex(wire.Bytes)}
	for _, frame := range wire.Route {
		a.route = append(a.route, p.unhex(frame))
	}
	if wire.Message != nil {
		a.message = toMessage(p.t, wire.Message)
	}
	return a
}

// unhex returns the bytes that a text stands for.
func (p *peer) unhex(text string) []byte {
	p.t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

// beginEcho makes an object send messages back where they came from.
func (p *peer) beginEcho(name string, count int) *pending {
	p.t.Helper()
	return p.begin("echo", arguments{"name": name, "count": count})
}

// encode returns the frame that dīvidere makes of a message.
func (p *peer) encode(m proto.Message) []byte {
	p.t.Helper()
	var frame string
	p.do(&frame, "encode", arguments{"message": toValue(m)})
	return p.unhex(frame)
}

// decode returns the message that dīvidere makes of a frame, or its exception.
func (p *peer) decode(frame []byte) (proto.Message, error) {
	p.t.Helper()
	var wire struct{ Message *value }
	if err := p.begin("decode", arguments{"frame": hex.EncodeToString(frame)}).try(&wire); err != nil {
		return nil, err
	}
	return toMessage(p.t, wire.Message), nil
}

//go:build interop

package interop_test

import (
	"sync"
	"testing"

	"github.com/mittere/mittere/messaging"
)

func TestPythonRequestIsAnsweredByGoResponse(t *testing.T) {
	s := newStage(t)
	response := open(s, messaging.NewRep, anyPort, s.withTypes())
	s.peer.open("request", "messaging.Request", response.Endpoints()[0])
	for _, m := range several(t) {
		s.peer.send("request", m)
		d := s.delivery(response)
		if !d.WantsReply() || len(d.Route) != 2 {
			t.Errorf("route %x of a REQ, want an id and an empty frame", d.Route)
		}
		wantMessage(t, s.message(d), m)
		reply := newMessage(t, "ImageMsg", `name: "reply"`)
		s.check(d.Reply(s.ctx, reply))
		wantMessage(t, s.peer.recv("request").message, reply)
	}
}

func TestGoRequestIsAnsweredByPythonResponse(t *testing.T) {
	s := newStage(t)
	s.peer.open("response", "messaging.Response", pythonPort)
	request := open(s, messaging.NewReq, s.peer.endpoint("response"), s.withTypes())
	for _, m := range several(t) {
		question := s.peer.begin("recv", arguments{"name": "response"})
		answer := newMessage(t, "ImageMsg", `name: "reply"`)
		send := s.peer.begin("send", arguments{"name": "response", "message": toValue(answer)})
		reply, err := request.Do(s.ctx, m)
		s.check(err)
		wantMessage(t, s.peer.arrival(question).message, m)
		send.end(nil)
		wantMessage(t, reply, answer)
	}
}

// dīvidere's Request may wait for one reply at a time; ours for any number.
func TestManyGoRequestsAreInFlightToOnePythonResponse(t *testing.T) {
	const callers, calls = 16, 50
	s := newStage(t)
	s.peer.open("response", "messaging.Response", pythonPort)
	request := open(s, messaging.NewReq, s.peer.endpoint("response"), s.withTypes())
	echo := s.peer.beginEcho("response", callers*calls)
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for call := range calls {
				number := uint64(caller*calls + call)
				reply, err := request.Do(s.ctx, numbered(t, number))
				if err != nil || numberOf(reply) != number {
					t.Errorf("request %d: reply %v, error %v", number, reply, err)
					return
				}
			}
		})
	}
	all.Wait()
	echo.end(nil)
}

func TestPythonRequestGoesToGoResponsesInTurn(t *testing.T) {
	s := newStage(t)
	var endpoints []string
	var responses []*messaging.Rep
	for range 3 {
		response := open(s, messaging.NewRep, anyPort, s.withTypes())
		responses = append(responses, response)
		endpoints = append(endpoints, response.Endpoints()...)
	}
	s.peer.open("request", "messaging.Request", endpoints)
	for number := range uint64(6) {
		s.peer.send("request", numbered(t, number))
		s.echo(responses[number%3], 1)
		wantMessage(t, s.peer.recv("request").message, numbered(t, number))
	}
}

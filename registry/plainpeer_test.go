package registry_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

// dividereTypes are dīvidere's messages, as its MsgLib.proto has them.
func dividereTypes(t testing.TB) *dynamicpb.Types {
	t.Helper()
	var file descriptorpb.FileDescriptorProto
	ok(t, prototext.Unmarshal([]byte(`
		name: "MsgLib.proto" syntax: "proto3"
		message_type { name: "RegisterService"
			field { name: "serviceName" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
			field { name: "server" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
			field { name: "port" number: 3 type: TYPE_UINT32 label: LABEL_OPTIONAL } }
		message_type { name: "UnregisterService"
			field { name: "serviceName" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
			field { name: "server" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
			field { name: "port" number: 3 type: TYPE_UINT32 label: LABEL_OPTIONAL } }
		message_type { name: "ack" field { name: "ok" number: 1 type: TYPE_BOOL label: LABEL_OPTIONAL } }
		message_type { name: "RediscoverReq" }
		message_type { name: "ServiceLookupReq" field { name: "serviceName" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL } }
		message_type { name: "ServiceLookupRep"
			field { name: "serviceName" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
			field { name: "server" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
			field { name: "port" number: 3 type: TYPE_UINT32 label: LABEL_OPTIONAL } }
		message_type { name: "Heartbeat" field { name: "id" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL } }
	`), &file))
	files := &protoregistry.Files{}
	ok(t, files.RegisterFile(must(protodesc.NewFile(&file, files))(t)))
	return dynamicpb.NewTypes(files)
}

// plainPeer speaks to a registry as dīvidere does.
type plainPeer struct {
	t       testing.TB
	types   *dynamicpb.Types
	request *messaging.Req
}

// plainRequest returns a peer until the test ends.
func plainRequest(t testing.TB, zmq *comm.Context, endpoint string) *plainPeer {
	t.Helper()
	types := dividereTypes(t)
	request := must(messaging.NewReq(zmq, ">"+endpoint, messaging.WithTypes(types)))(t)
	t.Cleanup(func() { ok(t, request.Close()) })
	return &plainPeer{t, types, request}
}

// message returns a message of a type from its text.
func (p *plainPeer) message(name protoreflect.FullName, text string) proto.Message {
	p.t.Helper()
	m := must(p.types.FindMessageByName(name))(p.t).New().Interface()
	ok(p.t, prototext.Unmarshal([]byte(text), m))
	return m
}

// ask sends a message and checks the answer.
func (p *plainPeer) ask(name protoreflect.FullName, text string, answer protoreflect.FullName, want string) {
	p.t.Helper()
	got := must(p.request.Do(patient(p.t), p.message(name, text)))(p.t)
	if wanted := p.message(answer, want); !proto.Equal(got, wanted) {
		p.t.Errorf("%s{%s} is answered by %v, want %v", name, text, got, wanted)
	}
}

// register sends RegisterService.
func (p *plainPeer) register(name, server string, port uint32, taken bool) {
	p.t.Helper()
	m := p.message("RegisterService", "")
	fields := m.ProtoReflect().Descriptor().Fields()
	m.ProtoReflect().Set(fields.ByName("serviceName"), protoreflect.ValueOfString(name))
	m.ProtoReflect().Set(fields.ByName("server"), protoreflect.ValueOfString(server))
	m.ProtoReflect().Set(fields.ByName("port"), protoreflect.ValueOfUint32(port))
	ack := p.message("ack", "")
	if taken {
		ack = p.message("ack", "ok: true")
	}
	if got := must(p.request.Do(patient(p.t), m))(p.t); !proto.Equal(got, ack) {
		p.t.Errorf("registering %q at %q:%d is answered by %v, want %v", name, server, port, got, ack)
	}
}

func TestPlainPeerRegistersLooksUpAndUnregisters(t *testing.T) {
	onEachTransport(t, func(t *testing.T, endpoint string) {
		zmq := newContext(t)
		s := serve(t, zmq, endpoint)
		p, c := plainRequest(t, zmq, s.endpoint()), dial(t, zmq, s.endpoint())
		p.ask("ServiceLookupReq", `serviceName: "calc"`, "ServiceLookupRep", `serviceName: "calc" server: "unavailable"`)
		p.ask("UnregisterService", `serviceName: "calc"`, "ack", ``)
		p.register("calc", "10.0.0.7", 5100, true)
		p.ask("ServiceLookupReq", `serviceName: "calc"`, "ServiceLookupRep", `serviceName: "calc" server: "10.0.0.7" port: 5100`)
		p.register("calc", "10.0.0.8", 5101, true) // replaces it, as there
		p.ask("ServiceLookupReq", `serviceName: "calc"`, "ServiceLookupRep", `serviceName: "calc" server: "10.0.0.8" port: 5101`)
		wantList(t, c, "calc/"+registry.PlainID)
		if e := list(t, c)[0]; e.GetLeaseNano() != int64(registry.DefaultMaxLease) || e.GetInstance().GetEndpoints()[0] != "tcp://10.0.0.8:5101" {
			t.Errorf("the entry is %v", e)
		}
		p.ask("UnregisterService", `serviceName: "calc" server: "elsewhere" port: 7`, "ack", `ok: true`)
		p.ask("ServiceLookupReq", `serviceName: "calc"`, "ServiceLookupRep", `serviceName: "calc" server: "unavailable"`)
		wantList(t, c, "")
	})
}

// TestPlainPeerMayHaveASlashInItsName registers by dīvidere's messages, to which a slash is a
// character as any other.
func TestPlainPeerMayHaveASlashInItsName(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	p := plainRequest(t, zmq, s.endpoint())
	p.register("a/calc", "10.0.0.7", 5100, true)
	p.ask("ServiceLookupReq", `serviceName: "a/calc"`, "ServiceLookupRep", `serviceName: "a/calc" server: "10.0.0.7" port: 5100`)
}

func TestPlainPeerFindsANativeInstance(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	p, c := plainRequest(t, zmq, s.endpoint()), dial(t, zmq, s.endpoint())
	register(t, c, instance("calc", "1"), long)
	host, port := "127.0.0.1", "5555"
	p.ask("ServiceLookupReq", `serviceName: "calc"`, "ServiceLookupRep", `serviceName: "calc" server: "`+host+`" port: `+port)
	p.ask("UnregisterService", `serviceName: "calc"`, "ack", ``) // it is not dīvidere's to take away
	wantList(t, c, "calc/1")
}

func TestWrongPlainMessagesAreAnswered(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	p := plainRequest(t, zmq, s.endpoint())
	p.register("", "10.0.0.7", 5100, false)
	p.register("calc", "", 5100, false)
	p.register("calc", "10.0.0.7", 0, false)
	p.register("calc", "10.0.0.7", 65536, false)
	p.register("calc", "*", 5100, false)
	p.register("ca\nlc", "10.0.0.7", 5100, false)
	p.ask("ServiceLookupReq", ``, "ServiceLookupRep", `server: "unavailable"`)
	for _, unknown := range []string{"Heartbeat", "ack", "RediscoverReq"} {
		_, err := p.request.Do(patient(t), p.message(protoreflect.FullName(unknown), ""))
		wantCode(t, err, messaging.Unimplemented)
	}
	raw := must(comm.NewReq(zmq, ">"+s.endpoint()))(t)
	defer raw.Close()
	for _, garbage := range [][]byte{{0x0a}, {0x0a, 0x03, 'a', 'c', 'k'}, []byte("\x0a\x03ack\x12\x02\x0a\xff"), {0xff}, {}} {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		_, _ = raw.Do(ctx, garbage) // what is no message has no sender to answer
		cancel()
	}
	p.register("calc", "10.0.0.7", 5100, true) // it lives
}

// listener is what dīvidere's services listen with: a subscriber to everything.
func listener(t testing.TB, zmq *comm.Context, s *running) *messaging.Subscriber {
	t.Helper()
	l := must(messaging.NewSubscriber(zmq, s.EventEndpoints()[0],
		messaging.WithTypes(dividereTypes(t)), messaging.WithTopics(messaging.Everything())))(t)
	t.Cleanup(func() { ok(t, l.Close()) })
	return l
}

// hears waits for the next message, which must be a RediscoverReq: dīvidere's
// services die of any other.
func hears(t testing.TB, l *messaging.Subscriber) {
	t.Helper()
	d := must(l.Recv(patient(t)))(t)
	defer d.Release()
	if d.Type != "RediscoverReq" {
		t.Fatalf("a %s was published", d.Type)
	}
}

func TestServicesAreAskedWhenTheySubscribeAndAgainAndAgain(t *testing.T) {
	t.Parallel()
	zmq := newContext(t)
	const lease = 1500 * time.Millisecond
	s := serve(t, zmq, tcp, registry.WithEvents(tcp), registry.WithLimits(registry.Limits{PlainLease: lease}))
	began := time.Now()
	first := listener(t, zmq, s)
	hears(t, first)
	register(t, dial(t, zmq, s.endpoint()), instance("calc", "1"), long) // is not published
	second := listener(t, zmq, s)
	hears(t, second)
	hears(t, first)
	soon(t, "the first questions", began)
	for range 3 {
		before := time.Now()
		hears(t, second)
		if took := time.Since(before); took > lease {
			t.Errorf("the next question came after %v, want a third of %v", took, lease)
		}
	}
}

func TestPlainServiceThatAnswersHasALeaseFromThenOn(t *testing.T) {
	t.Parallel()
	zmq := newContext(t)
	const lease = 1500 * time.Millisecond
	s := serve(t, zmq, tcp, registry.WithEvents(tcp), registry.WithLimits(registry.Limits{PlainLease: lease}))
	c, p := dial(t, zmq, s.endpoint()), plainRequest(t, zmq, s.endpoint())
	f := follow(t, c, "")
	p.register("silent", "10.0.0.7", 5100, true)
	p.register("answers", "10.0.0.7", 5101, true)
	answers := listener(t, zmq, s)
	for range 3 {
		hears(t, answers)
		p.register("answers", "10.0.0.7", 5101, true)
	}
	for _, e := range list(t, c) {
		want := int64(registry.DefaultMaxLease)
		if e.GetInstance().GetName() == "answers" {
			want = int64(lease)
		}
		if e.GetLeaseNano() != want {
			t.Errorf("the lease of %s is %v", e.GetInstance().GetName(), time.Duration(e.GetLeaseNano()))
		}
	}
	stopped := time.Now()
	awaitView(t, f, "silent/"+registry.PlainID)
	if took := time.Since(stopped); took < lease/2 || took > lease+atOnce/2 {
		t.Errorf("a service that answers no more is gone after %v, want %v", took, lease)
	}
	p.ask("ServiceLookupReq", `serviceName: "answers"`, "ServiceLookupRep", `serviceName: "answers" server: "unavailable"`)
}

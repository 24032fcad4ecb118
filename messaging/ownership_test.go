package messaging_test

import (
	"bytes"
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

// poisoned sockets overwrite what is released, so that a later use is
// seen.

func TestOpenedMessagesOutliveTheirDelivery(t *testing.T) {
	zmq := newContext(t, comm.WithPoison())
	forTypes := append(everyType(), messagetest.Declare(t, "some.Type").Message(t, "some.Type", 1))
	resolver := messaging.WithTypes(messagetest.Declare(t, "some.Type"))
	one := must(messaging.NewPair(zmq, "@"+inprocEndpoint(t)))(t)
	two := must(messaging.NewPair(zmq, of(one), resolver))(t)
	for _, want := range forTypes {
		send(t, one.Send(patient(t), want))
		d := must(two.Recv(patient(t)))(t)
		got := proto.Clone(want)
		proto.Reset(got)
		if err := d.OpenInto(got); err != nil {
			t.Fatal(err)
		}
		d.Release()
		wantEqual(t, got, want)
	}
}

func TestWhatDecodingMakesOutlivesTheDelivery(t *testing.T) {
	zmq := newContext(t, comm.WithPoison())
	one := must(messaging.NewPair(zmq, "@"+inprocEndpoint(t)))(t)
	two := must(messaging.NewPair(zmq, of(one)))(t)
	send(t, one.Send(patient(t), note(1), messaging.Subject("room", "7"),
		messaging.Metadata(map[string]string{"key": "value"}), messaging.Trace("parent", "state")))
	d := must(two.Recv(patient(t)))(t)
	before := d.Envelope
	before.Body = bytes.Clone(before.Body)
	wanted := messagetest.Stock(&before)
	d.Release()
	kept := d.Envelope
	kept.Body = before.Body
	wantEqual(t, messagetest.Stock(&kept), wanted)
}

func TestUnknownFieldsOutliveTheDelivery(t *testing.T) {
	zmq := newContext(t, comm.WithPoison())
	pull := must(messaging.NewPull(zmq, inprocEndpoint(t)))(t)
	push := must(comm.NewPush(zmq, of(pull)))(t)
	for _, name := range []string{"envelope-unknown", "meta-unknown"} {
		want := frameOf(t, name)
		send(t, push.Send(patient(t), comm.NewMessage(want)))
		d := must(pull.Recv(patient(t)))(t)
		body := bytes.Clone(d.Body)
		d.Release()
		d.Body = body
		if got := d.Append(nil); !bytes.Equal(got, want) {
			t.Errorf("written again as % x", got)
		}
	}
}

func TestBodyFrameAndRouteEndWithRelease(t *testing.T) {
	zmq := newContext(t, comm.WithPoison())
	router := must(messaging.NewRouter(zmq, inprocEndpoint(t)))(t)
	dealer := must(messaging.NewDealer(zmq, of(router), messaging.WithSocket(comm.WithRoutingID("anna"))))(t)
	send(t, dealer.Send(patient(t), note(1)))
	d := must(router.Recv(patient(t)))(t)
	path := d.ReturnPath()
	body, frame := bytes.Clone(d.Body), bytes.Clone(d.Frame())
	d.Release()
	if bytes.Equal(d.Body, body) || bytes.Equal(d.Frame(), frame) || string(d.Route[0]) == "anna" {
		t.Error("body, frame and route are as they were: nothing was released")
	}
	wantCode(t, d.Reply(patient(t), note(2)), messaging.Unavailable)
	send(t, path.Send(patient(t), note(3)))
	wantNote(t, dealer, 3)
}

func TestRepliesOfRequestsOutliveTheirFrames(t *testing.T) {
	zmq := newContext(t, comm.WithPoison())
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t)))(t)
	serve(t, rep, echo)
	req := must(messaging.NewReq(zmq, of(rep)))(t)
	for _, m := range everyType() {
		wantEqual(t, must(req.Do(patient(t), m))(t), m)
	}
	blob := &testv1.Blob{Data: bytes.Repeat([]byte("x"), 5000)}
	wantEqual(t, must(messaging.Call[*testv1.Blob](patient(t), req, blob))(t), blob)
}

func TestErrorsOfPeersOutliveTheirFrames(t *testing.T) {
	zmq := newContext(t, comm.WithPoison())
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t)))(t)
	serve(t, rep, func(ctx context.Context, d *messaging.Delivery) error {
		return d.ReplyError(ctx, messaging.Errorf(messaging.NotFound, "no room").WithDetails(note(7)))
	})
	req := must(messaging.NewReq(zmq, of(rep)))(t)
	_, err := req.Do(patient(t), note(1))
	got := wantCode(t, err, messaging.NotFound)
	if got.Message != "no room" {
		t.Errorf("the message became %q", got.Message)
	}
	wantEqual(t, must(got.Details[0].UnmarshalNew())(t), note(7))
}

func TestIteratedMessagesOutliveTheirFrames(t *testing.T) {
	zmq := newContext(t, comm.WithPoison())
	pub := must(messaging.NewPublisher(zmq, inprocEndpoint(t)))(t)
	sub := must(messaging.NewSubscriber(zmq, of(pub)))(t)
	subscribed(t, pub, 1)
	var got []proto.Message
	for i := range 100 {
		send(t, pub.Send(patient(t), note(i)))
	}
	for m, err := range sub.Messages(patient(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, m); len(got) == 100 {
			break
		}
	}
	for i, m := range got {
		wantEqual(t, m, note(i))
	}
}

func TestNumbersAreComparedAlthoughFramesAreReleased(t *testing.T) {
	zmq := newContext(t, comm.WithPoison())
	raw := must(comm.NewPublisher(zmq, inprocEndpoint(t)))(t)
	sub := must(messaging.NewSubscriber(zmq, of(raw)))(t)
	awaitRaw(t, raw)
	for _, subject := range []string{"room", "door"} {
		numbered(t, raw, messaging.PublisherID{1}, subject, 1, false)
		wantMissed(t, sub, 1, 0)
		numbered(t, raw, messaging.PublisherID{1}, subject, 5, false)
		wantMissed(t, sub, 5, 3)
	}
}

func TestMessagesAreTheCallersAgainAfterASend(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		pull := must(messaging.NewPull(zmq, at()))(t)
		push := must(messaging.NewPush(zmq, of(pull)))(t)
		m := &testv1.Blob{Data: make([]byte, 100)}
		for i := range 500 {
			for j := range m.GetData() {
				m.Data[j] = byte(i)
			}
			send(t, push.Send(patient(t), m))
		}
		for i := range 500 {
			got := receive[*testv1.Blob](t, pull)
			if !bytes.Equal(got.GetData(), bytes.Repeat([]byte{byte(i)}, 100)) {
				t.Fatalf("message %d was changed after it was sent", i)
			}
		}
	})
}

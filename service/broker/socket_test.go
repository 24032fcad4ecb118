package broker_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker"
)

func TestPiratesAndMajordomoServeEachOther(t *testing.T) {
	b := serve(t, broker.WithPirate(tcp, tcp, "echo"))
	at := b.Pirates()[0]
	// The same routing id at every socket: these are three peers.
	same := comm.WithRoutingID("same")
	worker, client := b.dialAt(t, at.Back[0], same), b.dialAt(t, at.Front[0], same)
	majordomo := b.dial(t, same)
	worker.say("\x01")
	majordomo.say("", "MDPC01", "echo", "one")
	serveOne := func(body string) {
		t.Helper()
		for {
			request := must(worker.Recv(patient(t)))(t).Frames
			if len(request) == 1 {
				worker.say("\x02")
				continue
			}
			if last := string(request[len(request)-1]); last != body {
				t.Fatalf("the worker got %q", request)
			}
			request[len(request)-1] = []byte("answer to " + body)
			ok(t, worker.Send(patient(t), comm.NewMessage(request...)))
			return
		}
	}
	serveOne("one")
	if got, want := majordomo.want(), []string{"", "MDPC01", "echo", "answer to one"}; !slices.Equal(got, want) {
		t.Errorf("the client of MDP got %q, want %q", got, want)
	}
	client.say("", "two")
	serveOne("two")
	if got, want := client.want(), []string{"", "answer to two"}; !slices.Equal(got, want) {
		t.Errorf("the client of the pirates got %q, want %q", got, want)
	}
	if peers := b.peers(); peers != 3 {
		t.Errorf("%d peers are known", peers)
	}
}

func TestPirateWorkerThatIsSilentIsDead(t *testing.T) {
	b := serve(t, broker.WithPirate(tcp, tcp, "echo"))
	b.dialAt(t, b.Pirates()[0].Back[0]).say("\x01")
	eventually(t, "it is registered", func() bool { return len(b.workers()) == 1 })
	eventually(t, "it is dead", func() bool { return b.Stats().Counters.Died == 1 && len(b.workers()) == 0 })
}

func TestSocketThatCannotBeBoundLeavesNoneBehind(t *testing.T) {
	zmq := must(comm.NewContext())(t)
	defer func() { ok(t, zmq.Close()) }()
	taken := must(comm.NewRouter(zmq, tcp))(t)
	free := must(comm.AcquirePort(""))(t)
	front := free.Endpoint()
	ok(t, free.Close())
	if _, err := broker.New(zmq, tcp, broker.WithPirate(front, taken.Endpoints()[0], "echo")); err == nil {
		t.Fatal("two sockets are bound to the same endpoint")
	}
	eventually(t, "the front is free again", func() bool { // libzmq lets go of it a moment later
		again, err := broker.New(zmq, tcp, broker.WithPirate(front, tcp, "echo"))
		if err == nil {
			ok(t, again.Close())
		}
		return err == nil
	})
}

func TestPrivateEndpointIsOneOfTheMainSocketAndIsNotShown(t *testing.T) {
	b := serve(t)
	endpoint, secret := b.Inner()
	if len(secret) < 16 || len(secret) > 64 || len(b.Endpoints()) != 1 || slices.Contains(b.Endpoints(), endpoint) {
		t.Errorf("endpoints are %q, the secret has %d bytes", b.Endpoints(), len(secret))
	}
	own := b.dialAt(t, endpoint)
	own.command(&mitterev1.Hello{Instance: secret, Role: mitterev1.Role_ROLE_WORKER}, nil)
	session := answered[*mitterev1.Welcome](own).GetSession()
	own.command(&mitterev1.Ready{Session: session, Instance: "own", Services: []string{"mittere.v1.Test"}, Capacity: 1}, nil)
	eventually(t, "it serves a reserved name", func() bool { return len(b.Workers()) == 2 })

	other := b.dialAt(t, endpoint)
	other.command(&mitterev1.Hello{Instance: bytes.ToUpper([]byte("another secret")), Role: mitterev1.Role_ROLE_WORKER}, nil)
	session = answered[*mitterev1.Welcome](other).GetSession()
	other.command(&mitterev1.Ready{Session: session, Instance: "other", Services: []string{"mittere.v1.Test"}, Capacity: 1}, nil)
	if code := answered[*mitterev1.Disconnect](other).GetStatus().GetCode(); code != mitterev1.Code_CODE_PERMISSION_DENIED {
		t.Errorf("another worker that offers it gets %v", code)
	}
}

func TestWrongPiratesAndNamesAreRefused(t *testing.T) {
	zmq := must(comm.NewContext())(t)
	defer func() { ok(t, zmq.Close()) }()
	_, err := broker.New(zmq, tcp, broker.WithName(strings.Repeat("x", 65)), broker.WithShortestHeartbeat(0),
		broker.WithPirate("", tcp, "echo"), broker.WithPirate(tcp, tcp, "mmi.service"))
	if messaging.CodeOf(err) != messaging.InvalidArgument {
		t.Fatalf("got %v", err)
	}
	for _, word := range []string{"name", "shortest heartbeat", "front", "mmi.service"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not name %s", err, word)
		}
	}
}

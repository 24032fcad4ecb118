package registry_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/boltstore"
	"github.com/mittere/mittere/registry/store"
)

// at returns an instance at an endpoint.
func at(name, id, endpoint string) *mitterev1.Instance {
	i := instance(name, id)
	i.Endpoints = []string{endpoint}
	return i
}

// wantOwner checks where the only instance of a name is.
func wantOwner(t testing.TB, c *registry.Client, endpoint string) {
	t.Helper()
	if all := list(t, c); len(all) != 1 || all[0].GetInstance().GetEndpoints()[0] != endpoint {
		t.Fatalf("the registry holds %v, want one at %s", all, endpoint)
	}
}

func TestLaterRegistrationReplacesTheEarlierOneForGood(t *testing.T) {
	t.Parallel()
	c, _ := pair(t, tcp)
	first := register(t, c, at("calc", "node-1", "tcp://127.0.0.1:1"), time.Second)
	second := register(t, c, at("calc", "node-1", "tcp://127.0.0.1:2"), time.Second)
	eventually(t, "the first is told", func() bool { return messaging.CodeOf(first.Err()) == messaging.AlreadyExists })
	wantCode(t, first.Wait(patient(t)), messaging.AlreadyExists)
	first.SetHealth(mitterev1.Health_HEALTH_DRAINING)
	ok(t, first.Withdraw(patient(t))) // of what is not there any more
	ok(t, second.Wait(patient(t)))
	wantOwner(t, c, "tcp://127.0.0.1:2")
	ok(t, second.Withdraw(patient(t)))
	wantList(t, c, "")
}

// TestReplacedOwnerDoesNotKeepADeadInstance kills the later of two owners of one id: the
// earlier one renewed its entry once.
func TestReplacedOwnerDoesNotKeepADeadInstance(t *testing.T) {
	t.Parallel()
	const lease = time.Second
	c, s := pair(t, tcp)
	replaced := register(t, c, at("owned", "1", "tcp://127.0.0.1:2"), lease)
	later := faulttest.Start(t, "owner", task{Endpoint: s.endpoint(), Lease: lease})
	later.Await("registered")
	eventually(t, "the first is told", func() bool { return messaging.CodeOf(replaced.Err()) == messaging.AlreadyExists })
	f := follow(t, c, "owned")
	later.Kill()
	awaitView(t, f, "")
}

// TestReplacedOwnerOfAHungProcessStaysReplaced halts an owner for longer than its lease,
// in which another one registers; then it goes on.
func TestReplacedOwnerOfAHungProcessStaysReplaced(t *testing.T) {
	t.Parallel()
	c, s := pair(t, tcp)
	hung := faulttest.Start(t, "owner", task{Endpoint: s.endpoint(), Lease: time.Second})
	hung.Await("registered")
	hung.Halt()
	r := register(t, c, at("owned", "1", "tcp://127.0.0.1:2"), time.Second)
	hung.Continue()
	hung.Await("replaced")
	ok(t, r.Wait(patient(t)))
	wantOwner(t, c, "tcp://127.0.0.1:2")
}

// TestLaterOfTwoOwnersHasTheEntryAfterARestart has both come again by themselves, in any
// order, to a registry that knows neither.
func TestLaterOfTwoOwnersHasTheEntryAfterARestart(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	endpoint := s.endpoint()
	first := register(t, dial(t, zmq, endpoint), at("calc", "1", "tcp://127.0.0.1:1"), time.Second)
	// Owners tell how old their registrations are, and a request may be on its way for
	// longer than another: the ages differ by more than that.
	time.Sleep(500 * time.Millisecond)
	c := dial(t, zmq, endpoint)
	second := register(t, c, at("calc", "1", "tcp://127.0.0.1:2"), time.Second)
	s.stop(t)
	serve(t, zmq, endpoint)
	eventually(t, "the first is told", func() bool { return messaging.CodeOf(first.Err()) == messaging.AlreadyExists })
	ok(t, second.Wait(patient(t)))
	wantOwner(t, c, "tcp://127.0.0.1:2")
}

func TestTokenOutlivesTheRegistryInItsStore(t *testing.T) {
	zmq, path := newContext(t), filepath.Join(t.TempDir(), "registry.db")
	store := must(boltstore.Open(t.Context(), path))(t)
	s := serve(t, zmq, tcp, registry.WithStore(store))
	owner := must(registry.NewClient(zmq, s.endpoint()))(t)
	register(t, owner, instance("calc", "1"), long)
	ok(t, owner.Close())
	s.stop(t)
	ok(t, store.Close())

	store = must(boltstore.Open(t.Context(), path))(t)
	defer store.Close()
	s = serve(t, zmq, s.endpoint(), registry.WithStore(store))
	defer s.stop(t)
	stub := zmqStub(t, s)
	_, err := stub.Renew(patient(t), &mitterev1.RenewRequest{Name: "calc", Id: "1", Token: []byte("guessed")})
	wantCode(t, err, messaging.AlreadyExists)
	_, err = stub.Register(patient(t), &mitterev1.RegisterRequest{Instance: instance("calc", "1"), Token: []byte("older"), AgeNano: int64(time.Hour)})
	wantCode(t, err, messaging.AlreadyExists)
}

// TestPeerWithoutTokenIsServedByNameButNeverOverAToken is a peer of before there were
// tokens.
func TestPeerWithoutTokenIsServedByNameButNeverOverAToken(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	stub, c := zmqStub(t, s), dial(t, zmq, s.endpoint())
	for range 2 { // the second replaces the first
		_, err := stub.Register(patient(t), &mitterev1.RegisterRequest{Instance: instance("calc", "1")})
		ok(t, err)
		_, err = stub.Renew(patient(t), &mitterev1.RenewRequest{Name: "calc", Id: "1"})
		ok(t, err)
	}
	_, err := stub.Withdraw(patient(t), &mitterev1.WithdrawRequest{Name: "calc", Id: "1"})
	ok(t, err)
	wantList(t, c, "")

	_, err = stub.Register(patient(t), &mitterev1.RegisterRequest{Instance: instance("calc", "1")})
	ok(t, err)
	register(t, c, at("calc", "1", "tcp://127.0.0.1:2"), long)
	_, err = stub.Renew(patient(t), &mitterev1.RenewRequest{Name: "calc", Id: "1"})
	wantCode(t, err, messaging.AlreadyExists)
	_, err = stub.Withdraw(patient(t), &mitterev1.WithdrawRequest{Name: "calc", Id: "1"})
	wantCode(t, err, messaging.AlreadyExists)
	_, err = stub.Register(patient(t), &mitterev1.RegisterRequest{Instance: instance("calc", "1")})
	wantCode(t, err, messaging.AlreadyExists)
	wantOwner(t, c, "tcp://127.0.0.1:2")
}

func TestNobodyIsToldATokenOfAnother(t *testing.T) {
	const token = "never to be told"
	s := serve(t, newContext(t), tcp, registry.WithStore(new(store.Memory)))
	stub := zmqStub(t, s)
	_, err := stub.Register(patient(t), &mitterev1.RegisterRequest{Instance: instance("calc", "1"), Token: []byte(token)})
	ok(t, err)
	told := []proto.Message{
		must(stub.Resolve(patient(t), &mitterev1.ResolveRequest{Name: "calc"}))(t),
		must(stub.List(patient(t), &mitterev1.ListRequest{}))(t),
	}
	for snapshot, err := range stub.Watch(patient(t), &mitterev1.WatchRequest{}) {
		ok(t, err)
		told = append(told, snapshot)
		if snapshot.GetChange() != nil {
			break
		}
		_, err := stub.Renew(patient(t), &mitterev1.RenewRequest{
			Name: "calc", Id: "1", Token: []byte(token), Health: mitterev1.Health_HEALTH_DRAINING,
		})
		ok(t, err)
	}
	for _, m := range told {
		if raw := must(proto.Marshal(m))(t); strings.Contains(string(raw), token) || !strings.Contains(string(raw), "calc") {
			t.Errorf("a peer is told %v", m)
		}
	}
}

func TestTokenThatIsTooLongIsRefused(t *testing.T) {
	b := newBench(t, registry.Limits{})
	for n, code := range map[int]messaging.Code{store.MaxTokenBytes: messaging.OK, store.MaxTokenBytes + 1: messaging.InvalidArgument} {
		_, _, err := b.Register(b.now, instance("calc", "1"), 0, registry.Owner{Token: make([]byte, n)})
		b.wantCode(err, code)
	}
	_, _, err := b.Register(b.now, instance("calc", "1"), 0, registry.Owner{Age: -1})
	b.wantCode(err, messaging.InvalidArgument)
}

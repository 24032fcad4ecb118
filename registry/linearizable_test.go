package registry_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// operation is what a client asks of a registry about one name. Kinds are
// "register", "withdraw" and "resolve".
type operation struct {
	kind, name, id, version string
}

// holding is what a name leads to: versions by id.
type holding map[string]string

// registryModel is a registry as its users see it, one at a time. Names have
// nothing to do with each other.
var registryModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byName := map[string][]porcupine.Operation{}
		for _, o := range history {
			name := o.Input.(operation).name
			byName[name] = append(byName[name], o)
		}
		return slices.Collect(maps.Values(byName))
	},
	Init: func() any { return holding{} },
	Step: func(state, input, output any) (bool, any) {
		o, before := input.(operation), state.(holding)
		if o.kind == "resolve" {
			return maps.Equal(before, output.(holding)), before
		}
		after := maps.Clone(before)
		if o.kind == "register" {
			after[o.id] = o.version
		} else {
			delete(after, o.id)
		}
		return true, after
	},
	Equal: func(a, b any) bool { return maps.Equal(a.(holding), b.(holding)) },
}

// linearizable reports whether there is an order of a history that its clients
// cannot tell from what they saw.
func linearizable(t *testing.T, history []porcupine.Operation) bool {
	t.Helper()
	switch porcupine.CheckOperationsTimeout(registryModel, history, patience) {
	case porcupine.Ok:
		return true
	case porcupine.Unknown:
		t.Fatal("the history is too long to be checked")
	}
	return false
}

// TestConcurrentHistoriesAreLinearizable lets clients change and read the same few
// names at once, and looks for an order of all that which explains every answer.
func TestConcurrentHistoriesAreLinearizable(t *testing.T) {
	const clients, names, ids, most = 6, 3, 4, 2000
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	began := time.Now()
	histories := make([][]porcupine.Operation, clients)
	var all sync.WaitGroup
	for client := range clients {
		conn := must(call.Dial(zmq, s.endpoint()))(t)
		defer conn.Close()
		stub := mitterev1mittere.NewRegistryServiceClient(conn)
		all.Go(func() {
			for i := 0; i < most && time.Since(began) < time.Second; i++ {
				o := operation{
					kind: []string{"register", "withdraw", "resolve", "resolve"}[rand.IntN(4)],
					name: fmt.Sprint("name", rand.IntN(names)), id: strconv.Itoa(rand.IntN(ids)), version: fmt.Sprint(client, ".", i),
				}
				start := time.Since(began)
				output, err := perform(stub, o)
				if err != nil {
					t.Errorf("%+v: %v", o, err)
					return
				}
				histories[client] = append(histories[client], porcupine.Operation{
					ClientId: client, Input: o, Output: output, Call: int64(start), Return: int64(time.Since(began)),
				})
			}
		})
	}
	all.Wait()
	history := slices.Concat(histories...)
	t.Logf("%d operations of %d clients in %v", len(history), clients, time.Since(began).Round(time.Millisecond))
	if !linearizable(t, history) {
		t.Error("no order of the operations explains the answers")
	}
	if wrong, at := falsified(history); at < 0 || linearizable(t, wrong) {
		t.Errorf("the check accepts a history with a wrong answer (operation %d)", at)
	}
}

// perform asks a registry.
func perform(stub *mitterev1mittere.RegistryServiceClient, o operation) (output any, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch o.kind {
	case "register":
		i := instance(o.name, o.id)
		i.Version = o.version
		_, err := stub.Register(ctx, &mitterev1.RegisterRequest{Instance: i, LeaseNano: int64(time.Minute)})
		return nil, err
	case "withdraw":
		_, err := stub.Withdraw(ctx, &mitterev1.WithdrawRequest{Name: o.name, Id: o.id})
		return nil, err
	default:
		resp, err := stub.Resolve(ctx, &mitterev1.ResolveRequest{Name: o.name})
		if messaging.CodeOf(err) == messaging.NotFound {
			err = nil
		}
		seen := holding{}
		for _, e := range resp.GetEntries() {
			seen[e.GetInstance().GetId()] = e.GetInstance().GetVersion()
		}
		return seen, err
	}
}

// falsified returns a history in which one answer has a version that nobody has
// registered there, and which one; -1 if no answer has any.
func falsified(history []porcupine.Operation) (wrong []porcupine.Operation, at int) {
	wrong = slices.Clone(history)
	for i, o := range wrong {
		if seen, _ := o.Output.(holding); len(seen) > 0 {
			lie := maps.Clone(seen)
			for id := range lie {
				lie[id] = "nobody's"
			}
			wrong[i].Output = lie
			return wrong, i
		}
	}
	return nil, -1
}

func TestHistoryCheckRejectsWhatARegistryMustNotDo(t *testing.T) {
	register := operation{"register", "calc", "1", "a"}
	again := operation{"register", "calc", "1", "b"}
	withdraw := operation{"withdraw", "calc", "1", ""}
	resolve := operation{"resolve", "calc", "", ""}
	step := func(o operation, seen holding, from, to int64) porcupine.Operation {
		return porcupine.Operation{Input: o, Output: seen, Call: from, Return: to}
	}
	a, b := holding{"1": "a"}, holding{"1": "b"}
	for name, c := range map[string]struct {
		history []porcupine.Operation
		right   bool
	}{
		"what was registered is seen":     {[]porcupine.Operation{step(register, nil, 0, 1), step(resolve, a, 2, 3)}, true},
		"what was registered is not seen": {[]porcupine.Operation{step(register, nil, 0, 1), step(resolve, holding{}, 2, 3)}, false},
		"meanwhile it may be seen or not": {[]porcupine.Operation{step(register, nil, 0, 9), step(resolve, holding{}, 1, 2), step(resolve, a, 3, 4)}, true},
		"seen and then not seen":          {[]porcupine.Operation{step(register, nil, 0, 9), step(resolve, a, 1, 2), step(resolve, holding{}, 3, 4)}, false},
		"withdrawn and still seen":        {[]porcupine.Operation{step(register, nil, 0, 1), step(withdraw, nil, 2, 3), step(resolve, a, 4, 5)}, false},
		"an old version":                  {[]porcupine.Operation{step(register, nil, 0, 1), step(again, nil, 2, 3), step(resolve, a, 4, 5)}, false},
		"the new version":                 {[]porcupine.Operation{step(register, nil, 0, 1), step(again, nil, 2, 3), step(resolve, b, 4, 5)}, true},
	} {
		if linearizable(t, c.history) != c.right {
			t.Errorf("%s: want %v", name, c.right)
		}
	}
}

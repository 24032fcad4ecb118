package registry_test

import (
	"fmt"
	"strings"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/store"
)

func TestInvalidInstanceIsRefused(t *testing.T) {
	b := newBench(t, registry.Limits{})
	many := func(n int) (texts []string) {
		for i := range n {
			texts = append(texts, fmt.Sprintf("tcp://h:%d", i+1))
		}
		return texts
	}
	for name, spoil := range map[string]func(*mitterev1.Instance){
		"no name":                      func(i *mitterev1.Instance) { i.Name = "" },
		"name with a slash":            func(i *mitterev1.Instance) { i.Name = "a/b" },
		"no id":                        func(i *mitterev1.Instance) { i.Id = "" },
		"long name":                    func(i *mitterev1.Instance) { i.Name = strings.Repeat("n", 256) },
		"long id":                      func(i *mitterev1.Instance) { i.Id = strings.Repeat("n", 256) },
		"name that is not UTF-8":       func(i *mitterev1.Instance) { i.Name = "n\xff" },
		"name that colours a terminal": func(i *mitterev1.Instance) { i.Name = "\x1b[31mred" },
		"id of dīvidere's":             func(i *mitterev1.Instance) { i.Id = registry.PlainID },
		"no endpoints":                 func(i *mitterev1.Instance) { i.Endpoints = nil },
		"many endpoints":               func(i *mitterev1.Instance) { i.Endpoints = many(store.MaxEndpoints + 1) },
		"many services":                func(i *mitterev1.Instance) { i.Services = many(store.MaxServices + 1) },
		"version that is not UTF-8":    func(i *mitterev1.Instance) { i.Version = "\xc0" },
		"large version":                func(i *mitterev1.Instance) { i.Version = strings.Repeat("v", store.MaxInstanceBytes) },
		"label that is not UTF-8":      func(i *mitterev1.Instance) { i.Labels = map[string]string{"a": "\xff"} },
		"many labels": func(i *mitterev1.Instance) {
			i.Labels = map[string]string{}
			for _, key := range many(store.MaxLabels + 1) {
				i.Labels[key] = ""
			}
		},
	} {
		i := instance("calc", "1")
		spoil(i)
		if _, change, err := b.Register(b.now, i, 0, registry.Owner{}); messaging.CodeOf(err) != messaging.InvalidArgument || change != nil {
			t.Errorf("%s: %v, %v", name, err, change)
		}
	}
	_, _, err := b.Register(b.now, nil, 0, registry.Owner{})
	b.wantCode(err, messaging.InvalidArgument)
	if b.Len() != 0 || b.Revision() != 0 {
		t.Errorf("%d instances, revision %d", b.Len(), b.Revision())
	}
}

func TestEndpointMustBeOneToConnectTo(t *testing.T) {
	b := newBench(t, registry.Limits{})
	for endpoint, valid := range map[string]bool{
		"tcp://127.0.0.1:5555":       true,
		"tcp://[::1]:5555":           true,
		"ipc:///tmp/a socket":        true,
		"inproc://here":              true,
		"ws://later.example:80/path": true,
		"":                           false,
		"tcp://":                     false,
		"://h:1":                     false,
		"127.0.0.1:5555":             false,
		"tcp:/h:1":                   false,
		"@tcp://h:1":                 false, // binds, where others connect to it
		">tcp://h:1":                 false,
		"tcp://*:5555":               false,
		"tcp://h:1,tcp://h:2":        false, // two
		"tcp://h:1\n":                false,
		"ipc://\x00":                 false,
		"ipc://\xff":                 false,
		"TCP://h:1":                  false,
		"ipc://" + strings.Repeat("p", store.MaxInstanceBytes): false,
	} {
		i := instance("calc", "1")
		i.Endpoints = append(i.Endpoints, endpoint)
		if _, _, err := b.Register(b.now, i, 0, registry.Owner{}); (err == nil) != valid {
			t.Errorf("%.80q: %v", endpoint, err)
		}
	}
}

func TestInstanceAtTheBoundsIsTaken(t *testing.T) {
	b := newBench(t, registry.Limits{})
	i := instance(strings.Repeat("n", store.MaxNameBytes), strings.Repeat("i", store.MaxNameBytes))
	for len(i.Endpoints) < store.MaxEndpoints {
		i.Endpoints = append(i.Endpoints, "tcp://h:1")
	}
	b.register(i, 0)
}

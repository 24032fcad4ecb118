package law

import (
	"path"
	"slices"
	"strings"
)

// Row says of one package, or of several with one pattern, what of ours it may
// import.
//
// A pattern is a path below the module's; "x/..." is x and everything below
// it, "..." everything, and "x/.../*mittere" every package below x whose name
// ends so.
type Row struct {
	Package string   // pattern of the packages that the row is for
	May     []string // what they may import: the patterns of other rows, or "..." for all
}

// Outsider says of one module that is not ours where it may be imported.
type Outsider struct {
	Module string   // its path, or "C" for cgo
	In     []string // patterns of our packages that may import it
}

// stubs is the pattern of all stubs, which stand on the library, though the messages
// that they lie beside stand below it.
const stubs = "gen/.../*mittere"

// Table returns the law. The first row that matches a package is its own. Every
// package has a row, and every row a package.
func Table() []Row {
	belowMessaging := []string{"comm", "messaging/message", "internal/broadcast", "internal/command", "gen/..."}
	belowCall := slices.Concat(belowMessaging, []string{"messaging", "internal/options"})
	belowServing := []string{"messaging", "messaging/message", "internal/command", "gen/...", "internal/broadcast", "internal/ratelog"}
	belowReactor := slices.Concat(belowServing, []string{"internal/options", "reactor/internal/serving", "reactor/internal/outbox"})
	belowStubs := slices.Concat(belowCall, []string{"messaging/call", "reactor"})
	belowManagement := slices.Concat(belowStubs, []string{stubs})
	belowRegistry := slices.Concat(belowManagement, []string{"internal/management", "internal/heap", "internal/ratelog", "registry/store"})
	belowService := slices.Concat(belowRegistry, []string{"registry"})
	broker := []string{"service/broker/internal/desk", "service/broker/internal/dialect", "service/broker/internal/dialect/..."}
	belowBroker := slices.Concat(belowManagement, []string{"internal/management", "internal/ratelog"}, broker)
	everything := []string{"..."}

	return []Row{
		// Programs: the layers meet here.
		{"cmd/...", everything},
		{"examples/...", everything},

		// Generated: stubs, and messages, which may use each other.
		{stubs, belowStubs},
		{"gen/...", []string{"gen/..."}},

		// The layers, from the wire up.
		{"comm/internal/zmtp", nil},
		{"comm/internal/engine", nil},
		{"comm/internal/native", []string{"comm/internal/engine", "comm/internal/zmtp", "internal/ratelog"}},
		{"comm/libzmq", []string{"comm/internal/engine"}},
		{"comm", []string{"comm/internal/engine", "comm/internal/native", "comm/libzmq"}},
		{"messaging/message", []string{"gen/...", "internal/protofield"}},
		{"internal/command", []string{"messaging/message", "gen/...", "internal/protofield"}},
		{"messaging", belowMessaging},
		{"messaging/call", belowCall},
		{"reactor", belowReactor},
		{"reactor/internal/serving", slices.Concat(belowServing, []string{"reactor/internal/outbox", "reactor/internal/schedule"})},
		{"reactor/internal/outbox", []string{"messaging", "internal/broadcast"}},
		{"reactor/internal/schedule", []string{"internal/broadcast"}},
		{"internal/management", belowManagement},
		{"registry", belowRegistry},
		{"registry/store", []string{"messaging/message", "gen/..."}},
		{"registry/boltstore", []string{"registry/store", "messaging/message", "gen/..."}},
		{"registry/storetest", []string{"registry/store", "messaging/message", "gen/..."}},
		{"service", belowService},
		{"service/servicetest", slices.Concat(belowService, []string{"service", "service/broker"})},
		{"service/majordomo", []string{"internal/options", "comm", "messaging", "messaging/message", "internal/mdp", "gen/..."}},

		// The broker stands beside service: one loop around pure state.
		{"service/broker", belowBroker},
		{"service/broker/internal/desk", []string{"gen/...", "internal/heap"}},
		{"service/broker/internal/dialect", []string{"service/broker/internal/desk", "messaging/message", "internal/command", "gen/..."}},
		{"service/broker/internal/dialect/dialecttest", []string{"service/broker/internal/dialect", "service/broker/internal/desk", "messaging/message", "gen/..."}},
		{"service/broker/internal/dialect/...", []string{
			"service/broker/internal/dialect", "service/broker/internal/desk", "messaging/message", "internal/command", "internal/mdp", "gen/...",
		}},

		// Majordomo's frames, for both ends.
		{"internal/mdp", []string{"messaging/message"}},

		// What deadlines, leases and loads are kept in.
		{"internal/heap", nil},

		// What the codecs of envelopes and commands share.
		{"internal/protofield", nil},

		// How waiting goroutines are woken, what serving ends log, and what constructors say of their options.
		{"internal/broadcast", nil},
		{"internal/ratelog", nil},
		{"internal/options", nil},

		// Tests against real peers, and what only tests and tools use.
		{"docs", everything},
		{"interop/...", everything},
		{"internal/doccheck", nil},
		{"internal/expect", nil},
		{"internal/faulttest", []string{"messaging/message", "internal/broadcast"}},
		{"internal/messagetest", []string{"messaging/message", "gen/..."}},
		{"internal/command/commandtest", []string{"internal/command", "internal/messagetest", "gen/..."}},
		{"internal/law", nil},
		{"internal/leaktest", nil},
	}
}

// Outsiders returns the modules that the root module may require, and cgo. It
// is short so that it stays short: heavy things live in modules of their own.
func Outsiders() []Outsider {
	return []Outsider{
		{"C", []string{"comm/libzmq"}},
		{"github.com/pebbe/zmq4", []string{"comm/libzmq"}},
		{"golang.org/x/crypto", []string{"comm/internal/zmtp"}},
		{"google.golang.org/protobuf", []string{"..."}},
		{"github.com/spf13/cobra", []string{"cmd/..."}},
		{"go.etcd.io/bbolt", []string{"registry/boltstore"}},
		{"go.uber.org/goleak", []string{"internal/leaktest"}},
		{"github.com/anishathalye/porcupine", []string{"registry"}}, // in tests
	}
}

func rowOf(pkg string) (Row, bool) {
	rows := Table()
	i := slices.IndexFunc(rows, func(r Row) bool { return matches(r.Package, pkg) })
	if i < 0 {
		return Row{}, false
	}
	return rows[i], true
}

// allows reports whether the packages of a row may import another one.
func (r Row) allows(pkg string) bool {
	other, ok := rowOf(pkg)
	return ok && (slices.Contains(r.May, other.Package) || slices.Contains(r.May, "..."))
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

func matches(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	if root, suffix, ok := strings.Cut(pattern, "/.../*"); ok {
		return within(root, pkg) && strings.HasSuffix(path.Base(pkg), suffix)
	}
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return within(root, pkg)
	}
	return pattern == pkg
}

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
// it, "..." everything, and ".../*mittere" every package below another one
// whose name ends so.
type Row struct {
	Package string   // pattern of the packages that the row is for
	May     []string // patterns of what they may import
}

// Outsider says of one module that is not ours where it may be imported.
type Outsider struct {
	Module string   // its path, or "C" for cgo
	In     []string // patterns of our packages that may import it
}

// Table returns the law. The first row that matches a package is its own.
func Table() []Row {
	underRegistry := []string{
		"reactor", "messaging/call", "messaging", "messaging/message", "comm", "gen/...", "registry/registrymittere", "registry/store", "internal/management", "internal/noise",
	}
	underService := slices.Concat(underRegistry, []string{"registry"})
	underBroker := slices.Concat(underService, []string{"service", "service/broker/internal/desk", "service/broker/internal/dialect/...", "service/broker/brokermittere"})
	stubs := []string{"reactor", "messaging/call", "messaging", "gen/..."}
	everything := []string{"..."}

	return []Row{
		// Programs: the layers meet here.
		{"cmd/...", everything},
		{"bench/...", everything},
		{"clients/...", everything},

		// Generated: stubs, which lie beside what they serve or below their
		// messages, and messages, which may use each other.
		{".../*mittere", stubs},
		{"gen/...", []string{"gen/..."}},
		{"examples/...", everything},

		// The layers, from the wire up.
		{"comm/internal/zmtp", nil},
		{"comm", nil},
		{"messaging/message", []string{"gen/...", "internal/protofield"}},
		{"internal/command", []string{"messaging/message", "gen/...", "internal/protofield"}},
		{"messaging", []string{"messaging/message", "internal/command", "comm", "gen/..."}},
		{"messaging/call", []string{"messaging", "messaging/message", "internal/command", "comm", "gen/..."}},
		{"reactor", []string{"messaging", "messaging/message", "internal/command", "gen/...", "internal/noise"}},
		{"internal/management", []string{"reactor", "messaging/call", "messaging", "gen/...", "service/servicemittere"}},
		{"registry", underRegistry},
		{"registry/store", []string{"messaging/message", "gen/..."}},
		{"registry/boltstore", []string{"registry/store", "messaging/message", "gen/..."}},
		{"registry/storetest", []string{"registry/store", "messaging/message", "gen/..."}},
		{"service/broker/internal/desk", []string{"gen/..."}},
		{"service/broker/internal/dialect/...", []string{"service/broker/internal/dialect", "service/broker/internal/desk", "messaging/message", "internal/command", "gen/..."}},
		{"service", underService},
		{"service/servicetest", []string{"service", "reactor", "comm"}},
		{"service/broker", underBroker},
		{"service/majordomo", []string{"messaging", "comm", "gen/..."}},

		// What the codecs of envelopes and commands share.
		{"internal/protofield", nil},

		// What serving ends log.
		{"internal/noise", nil},

		// Tests against real peers, and what only tests and tools use.
		{"docs", everything},
		{"interop/...", everything},
		{"internal/doccheck", nil},
		{"internal/faulttest", []string{"messaging/message"}},
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
		{"C", []string{"comm"}},
		{"github.com/pebbe/zmq4", []string{"comm"}},
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

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

func matches(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	if suffix, ok := strings.CutPrefix(pattern, ".../*"); ok {
		return strings.Contains(pkg, "/") && strings.HasSuffix(path.Base(pkg), suffix)
	}
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return within(root, pkg)
	}
	return pattern == pkg
}

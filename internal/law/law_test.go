package law_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mittere/mittere/internal/law"
	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const root = "../.."

func TestModuleKeepsTheLaw(t *testing.T) {
	noticeEdits(t)
	graph, err := law.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range slices.Concat(law.Check(graph), law.Unused(graph)) {
		t.Error(v)
	}
}

func TestRowWithoutAPackageIsReported(t *testing.T) {
	graph, err := law.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	graph.Packages = slices.DeleteFunc(graph.Packages, func(p law.Package) bool { return p.Path == ours+"/registry/storetest" })
	wantExactly(t, law.Unused(graph), "registry/storetest has a row in the table and no package")
}

// TestPurePackagesReachNoSocket is about what is decided and translated apart from
// sockets: none of it may link them, not by way of another package either.
func TestPurePackagesReachNoSocket(t *testing.T) {
	noticeEdits(t)
	graph, err := law.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string][]string{}
	for _, p := range graph.Packages {
		imports[p.Path] = p.Imports
	}
	for _, pure := range []string{
		"messaging/message", "internal/command", "internal/mdp", "internal/protofield", "internal/faulttest", "service/broker/internal/desk",
		"registry/store", "registry/boltstore", "registry/storetest",
		"service/broker/internal/dialect", "service/broker/internal/dialect/mdp", "service/broker/internal/dialect/native", "service/broker/internal/dialect/pirate", "service/broker/internal/dialect/plain",
	} {
		if imports[ours+"/"+pure] == nil {
			t.Errorf("%s is not there", pure)
		}
		if way := wayTo(ours+"/comm", []string{ours + "/" + pure}, imports); way != nil {
			t.Errorf("%s links a socket: %s", pure, strings.Join(way, " -> "))
		}
	}
}

// wayTo returns how the last package of a chain of imports leads to another one, nil if
// it does not.
func wayTo(target string, chain []string, imports map[string][]string) []string {
	last := chain[len(chain)-1]
	if last == target {
		return chain
	}
	for _, next := range imports[last] {
		if way := wayTo(target, append(slices.Clip(chain), next), imports); way != nil {
			return way
		}
	}
	return nil
}

// noticeEdits reads every folder of the module. The go command repeats the
// result of a test whose inputs are unchanged, and counts as inputs what the
// test itself has read, not what its child process has.
func noticeEdits(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

const ours = "github.com/mittere/mittere"

func TestPlantedViolationIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		graph law.Graph
		want  string
	}{
		"lower layer imports higher": {imports("comm", ours+"/messaging"), "/comm may not import " + ours + "/messaging"},
		"comm imports messages":      {imports("comm", ours+"/gen/mittere/v1"), "/comm may not import " + ours + "/gen/mittere/v1"},
		"reactor reaches past":       {imports("reactor", ours+"/comm"), "/reactor may not import " + ours + "/comm"},
		"messaging calls":            {imports("messaging", ours+"/messaging/call"), "/messaging may not import " + ours + "/messaging/call"},
		"store imports service":      {imports("registry/boltstore", ours+"/service"), "/registry/boltstore may not import " + ours + "/service"},
		"desk does I/O":              {imports("service/broker/internal/desk", ours+"/comm"), "/service/broker/internal/desk may not import " + ours + "/comm"},
		"dialect imports broker":     {imports("service/broker/internal/dialect/mdp", ours+"/service/broker"), "/service/broker/internal/dialect/mdp may not import " + ours + "/service/broker"},
		"stub imports its service":   {imports("gen/mittere/v1/mitterev1mittere", ours+"/registry"), "/gen/mittere/v1/mitterev1mittere may not import " + ours + "/registry"},
		"message imports a stub":     {imports("messaging/message", ours+"/gen/mittere/v1/mitterev1mittere"), "/messaging/message may not import " + ours + "/gen/mittere/v1/mitterev1mittere"},
		"broker imports service":     {imports("service/broker", ours+"/service"), "/service/broker may not import " + ours + "/service"},
		"dialect imports another":    {imports("service/broker/internal/dialect/mdp", ours+"/service/broker/internal/dialect/pirate"), "/service/broker/internal/dialect/mdp may not import " + ours + "/service/broker/internal/dialect/pirate"},
		"layer imports a test aid":   {imports("comm", ours+"/internal/leaktest"), "/comm may not import " + ours + "/internal/leaktest"},
		"cgo outside comm/libzmq":    {imports("comm", "C"), "/comm may not import C"},
		"zmq4 outside comm/libzmq":   {imports("comm", "github.com/pebbe/zmq4"), "/comm may not import github.com/pebbe/zmq4"},
		"layer picks an engine":      {imports("messaging", ours+"/comm/libzmq"), "/messaging may not import " + ours + "/comm/libzmq"},
		"cgo in a test":              {testImports("reactor", "C"), "/reactor may not import C"},
		"cobra outside cmd":          {imports("service", "github.com/spf13/cobra"), "/service may not import github.com/spf13/cobra"},
		"unknown module":             {imports("cmd/mittere", "example.org/heavy"), "/cmd/mittere may not import example.org/heavy"},
		"package without a row":      {imports("util"), "/util has no row in the table"},
		"internal without a row":     {imports("internal/helpers"), "/internal/helpers has no row in the table"},
		"root package":               {imports(""), " has no row in the table"},
		"heavy requirement":          {law.Graph{Module: ours, Requires: []string{"google.golang.org/grpc"}}, " may not require google.golang.org/grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			wantExactly(t, law.Check(c.graph), ours+c.want)
		})
	}
}

func TestLawfulImportIsSilent(t *testing.T) {
	for name, graph := range map[string]law.Graph{
		"layer below":           imports("messaging", ours+"/comm", ours+"/gen/mittere/v1"),
		"standard library":      imports("comm", "net/http", "unsafe"),
		"cgo in comm/libzmq":    imports("comm/libzmq", "C", "github.com/pebbe/zmq4"),
		"a raw peer in a test":  testImports("reactor", "github.com/pebbe/zmq4"),
		"program takes all":     imports("cmd/mittere", ours+"/service/broker", "github.com/spf13/cobra"),
		"stub":                  imports("registry", ours+"/gen/mittere/v1/mitterev1mittere"),
		"broker uses a dialect": imports("service/broker", ours+"/service/broker/internal/dialect/mdp"),
		"subpackage of protobuf": imports("messaging",
			"google.golang.org/protobuf/encoding/protowire"),
		"test takes any row": testImports("comm", ours+"/reactor", ours+"/internal/leaktest"),
		"requirement":        {Module: ours, Requires: []string{"github.com/pebbe/zmq4"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range law.Check(graph) {
				t.Error(v)
			}
		})
	}
}

// plantedModule is a module file that requires two modules, one of them
// indirectly. They are replaced so that nothing is downloaded.
const plantedModule = `module ` + ours + `

require (
	example.org/heavy v1.0.0
	example.org/below v1.0.0 // indirect
)

replace (
	example.org/heavy => ./heavy
	example.org/below => ./below
)
`

func TestViolationsInATreeAreFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                      plantedModule,
		"heavy/go.mod":                "module example.org/heavy",
		"below/go.mod":                "module example.org/below",
		"messaging/messaging.go":      "package messaging\n\nimport \"C\"\n\nsyntax error",
		"messaging/messaging_test.go": "package messaging_test\n\nimport _ \"example.org/test\"\n",
		"interop/interop_test.go":     "//go:build interop\n\npackage interop_test\n\nimport _ \"example.org/tagged\"\n",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	graph, err := law.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		ours + "/interop may not import example.org/tagged",
		ours + "/messaging may not import C",
		ours + "/messaging may not import example.org/test",
		ours + " may not require example.org/heavy",
	}
	wantExactly(t, law.Check(graph), want...)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func imports(pkg string, paths ...string) law.Graph {
	return graphOf(pkg, law.Package{Imports: paths})
}

func testImports(pkg string, paths ...string) law.Graph {
	return graphOf(pkg, law.Package{TestImports: paths})
}

func graphOf(pkg string, p law.Package) law.Graph {
	p.Path = strings.TrimSuffix(ours+"/"+pkg, "/")
	return law.Graph{Module: ours, Packages: []law.Package{p}}
}

func wantExactly(t *testing.T, found []law.Violation, want ...string) {
	t.Helper()
	lines := make([]string, len(found))
	for i, v := range found {
		lines[i] = v.String()
	}
	if !slices.Equal(lines, want) {
		t.Errorf("found %q, want %q", lines, want)
	}
}

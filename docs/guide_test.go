//go:build guide

package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
)

// reader follows docs/getting-started.md in an empty folder.
type reader struct {
	t       *testing.T
	folder  string
	env     []string
	other   *strings.Replacer // where the page is not followed to the letter
	running []*program
}

func TestAReaderOfGettingStartedSeesWhatThePageShows(t *testing.T) {
	r := newReader(t)
	for _, step := range stepsOf(t, "getting-started.md") {
		step(r)
	}
	r.stop()
}

// newReader prepares what the page takes for granted: buf, the clone, and its ports,
// for which it gets others that are free. The registry leaves its second port alone.
// Nothing is built with cgo. Modules come from the cache, and from the proxy only if they
// are not there.
func newReader(t *testing.T) *reader {
	clone, tools := filepath.Dir(must(os.Getwd())), t.TempDir()
	registry := freePort()
	r := &reader{t: t, folder: t.TempDir(), other: strings.NewReplacer(
		"/path/to/mittere", clone,
		":5000", registry, ":5555", freePort(), ":6000", freePort(),
		"mittere registry", "mittere registry --events '' --bind tcp://127.0.0.1"+registry)}
	r.env = append(os.Environ(), "GOBIN="+tools, "PATH="+tools+":"+os.Getenv("PATH"), "GOFLAGS=-buildvcs=false",
		"CGO_ENABLED=0", "GOPROXY="+cachedProxy(), "GOSUMDB=off", "MITTERE_BROKER=", "MITTERE_REGISTRY=tcp://127.0.0.1"+registry)
	r.command("cd /path/to/mittere && go build -modfile=tools/go.mod -o "+tools+" github.com/bufbuild/buf/cmd/buf", "")
	return r
}

// cachedProxy returns a GOPROXY that looks into the module cache first.
func cachedProxy() string {
	out := must(exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output())
	cache, proxy, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return "file://" + filepath.ToSlash(cache) + "/cache/download," + proxy
}

// freePort returns a port of the loopback interface, as an endpoint ends with it.
func freePort() string {
	port := must(comm.AcquirePort(""))
	check(port.Close())
	return fmt.Sprintf(":%d", port.Number())
}

// write makes a file of the page.
func (r *reader) write(path, content string) {
	file := filepath.Join(r.folder, path)
	check(os.MkdirAll(filepath.Dir(file), 0o755))
	check(os.WriteFile(file, []byte(r.other.Replace(content)), 0o644))
}

// replace changes a file, which must have what is replaced once.
func (r *reader) replace(path, old, by string) {
	content := read(filepath.Join(r.folder, path))
	old = r.other.Replace(old)
	if n := strings.Count(content, old); n != 1 {
		r.t.Fatalf("%s has %d times %s", path, n, old)
	}
	r.write(path, strings.Replace(content, old, r.other.Replace(by), 1))
}

// command runs a command of the page, which prints what is shown. One that stays has
// printed that when the next command comes.
func (r *reader) command(line, shown string) {
	r.t.Logf("$ %s", line)
	p := startProgram(r.t, r.folder, r.env, r.other.Replace(line))
	if stays(line) {
		r.running = append(r.running, p)
		p.wants(shown)
		return
	}
	if got := p.wait(); shown != "" && got != shown {
		r.t.Fatalf("$ %s\nprinted\n%swant\n%s", line, got, shown)
	}
}

// stays reports whether a command runs until Ctrl-C.
func stays(line string) bool {
	return line == "go run ./server" || strings.HasPrefix(line, "mittere registry") || strings.HasPrefix(line, "mittere broker")
}

// stop does what Ctrl-C does, to the last one first.
func (r *reader) stop() {
	for len(r.running) > 0 {
		last := len(r.running) - 1
		r.running[last].interrupt()
		r.running = r.running[:last]
	}
}

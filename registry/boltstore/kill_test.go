package boltstore_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/store"
	"github.com/mittere/mittere/registry/storetest"
)

// fileVariable tells a child process of this test which file to write.
const fileVariable = "BOLTSTORE_TEST_FILE"

// kills is how often a writer is killed.
const kills = 10

// A writer that is killed at any moment has lost nothing that it acknowledged,
// over several lives of the same file.
func TestFaultOfKilledWriterLosesNothingAcknowledged(t *testing.T) {
	if path := os.Getenv(fileVariable); path != "" {
		writeForever(t, path)
		return
	}
	path := newPath(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range kills {
		acknowledged := runAndKill(t, path, 1+random.IntN(100))
		wantAcknowledged(t, path, acknowledged)
	}
}

// step is what the writer does in its step i: most of all it puts, in batches of
// two; sometimes it deletes what it put before. apply does it to a model.
func step(i uint64) (puts []*mitterev1.Entry, deletes []store.Key) {
	if i%5 == 4 {
		return nil, []store.Key{{Name: "even", ID: fmt.Sprint((i - 1) % 50)}}
	}
	id := fmt.Sprint(i % 50)
	return []*mitterev1.Entry{storetest.Entry("even", id, i), storetest.Entry("odd", id, i)}, nil
}

// writeForever is the child: it writes and says so, on standard output.
func writeForever(t *testing.T, path string) {
	store := open(t, path)
	for i := uint64(0); ; i++ {
		puts, deletes := step(i)
		if err := store.Put(t.Context(), puts...); err != nil {
			t.Fatal(err)
		}
		if err := store.Delete(t.Context(), deletes...); err != nil {
			t.Fatal(err)
		}
		fmt.Println("written", i)
	}
}

// runAndKill lets a writer write a number of steps at least, kills it, and
// returns how many it has acknowledged.
func runAndKill(t *testing.T, path string, steps int) (acknowledged uint64) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	child.Env = append(os.Environ(), fileVariable+"="+path)
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		var i uint64
		if _, err := fmt.Sscanf(lines.Text(), "written %d", &i); err != nil || i != acknowledged {
			t.Errorf("after %d steps the writer says %q", acknowledged, lines.Text())
		} else {
			acknowledged++
		}
		if acknowledged == uint64(steps) || err != nil {
			_ = child.Process.Signal(syscall.SIGKILL) // and read what it said before
		}
	}
	if err := child.Wait(); err == nil || acknowledged < uint64(steps) {
		t.Fatalf("the writer ended by itself after %d steps: %v", acknowledged, err)
	}
	return acknowledged
}

// wantAcknowledged checks that the file is as it was after the acknowledged
// steps, or one more, which may have been written and not said. It leaves the
// file empty.
func wantAcknowledged(t *testing.T, path string, acknowledged uint64) {
	t.Helper()
	opened := open(t, path)
	defer opened.Close()
	loaded, err := opened.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[store.Key]uint64{}
	var keys []store.Key
	for _, entry := range loaded {
		got[store.KeyOf(entry)] = entry.GetRevision()
		keys = append(keys, store.KeyOf(entry))
	}
	exact, further := model(acknowledged), model(acknowledged+1)
	if text := fmt.Sprint(got); text != fmt.Sprint(exact) && text != fmt.Sprint(further) {
		t.Errorf("after %d acknowledged steps the file has\n%v, want\n%v or\n%v", acknowledged, text, exact, further)
	}
	if err := opened.Delete(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
}

// model returns the revisions of what is there after a number of steps.
func model(steps uint64) map[store.Key]uint64 {
	there := map[store.Key]uint64{}
	for i := range steps {
		puts, deletes := step(i)
		for _, entry := range puts {
			there[store.KeyOf(entry)] = i
		}
		for _, key := range deletes {
			delete(there, key)
		}
	}
	return there
}

package faulttest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// journals is how the files of a folder end that [Journal] writes.
const journals = ".journal"

// Journal returns what notes that an item is executed, in a file of this name in a
// folder. What was noted outlives a kill. Any number of goroutines may note at once.
func Journal(folder, name string) func(item uint64) error {
	path := filepath.Join(folder, name+journals)
	return func(item uint64) error {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(file, item) // one write
		return errors.Join(err, file.Close())
	}
}

// Executed returns how often each item was executed, as all journals in a folder have
// it.
func Executed(t testing.TB, folder string) map[uint64]int {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*"+journals))
	if err != nil {
		t.Fatal(err)
	}
	times := map[uint64]int{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Fields(string(text)) {
			item, err := strconv.ParseUint(line, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			times[item]++
		}
	}
	return times
}

// Checksum is what is answered to an item, so that a wrong answer is seen.
func Checksum(item uint64) uint64 { return item*0x9E3779B97F4A7C15 + 1 }

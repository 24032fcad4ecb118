package main

import (
	"errors"
	"os"
	"runtime"
	"runtime/pprof"
)

// profileEvery is how many bytes pass between two samples of the heap.
const profileEvery = 16 << 10

// startProfile writes processor samples to <prefix>.cpu and, when the returned
// function is called, allocations to <prefix>.allocs. An empty prefix does
// nothing.
func startProfile(prefix string) (stop func() error, err error) {
	if prefix == "" {
		return func() error { return nil }, nil
	}
	runtime.MemProfileRate = profileEvery
	cpu, err := os.Create(prefix + ".cpu")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(err, cpu.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return errors.Join(cpu.Close(), writeAllocs(prefix+".allocs"))
	}, nil
}

// writeAllocs writes the allocations so far.
func writeAllocs(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}

package main

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// takeAll takes all files of a queue, one after the other.
func takeAll(q *queue) (files []int) {
	for file, ok := q.take(); ok; file, ok = q.take() {
		files = append(files, file)
		q.put(file)
	}
	return files
}

func TestQueueHandsOutEachFileOnceInOrder(t *testing.T) {
	q := newQueue([]int64{1, 0, mostBytesOut, 2}, func() {})
	if got := takeAll(q); !slices.Equal(got, []int{0, 1, 2, 3}) {
		t.Errorf("got %v", got)
	}
}

func TestQueueSaysOnceThatAQuarterIsOut(t *testing.T) {
	for n, want := range map[int][]int{0: nil, 1: {0}, 3: {0}, 4: {1}, 8: {2}} {
		var q *queue
		var got []int
		q = newQueue(make([]int64, n), func() { got = append(got, q.next) })
		takeAll(q)
		if !slices.Equal(got, want) {
			t.Errorf("of %d files: after %v, want %v", n, got, want)
		}
	}
}

func TestQueueHasNoMoreBytesOutThanTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue([]int64{mostBytesOut - 1, 1, 1, 0}, func() {})
		for range 2 {
			q.take()
		}
		var taking sync.WaitGroup
		var third int
		taking.Go(func() { third, _ = q.take() })
		synctest.Wait()
		if q.next != 2 || q.bytesOut != mostBytesOut {
			t.Errorf("%d files and %d bytes out, want 2 files and the limit", q.next, q.bytesOut)
		}
		q.put(1)
		taking.Wait()
		if third != 2 {
			t.Errorf("got file %d, want 2", third)
		}
	})
}

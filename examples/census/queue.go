package main

import "sync"

// mostBytesOut is how many bytes of files may be out at once. A file that is larger
// would go alone, but none is.
const mostBytesOut = largestFile

// queue hands out the files of a tree in order, as long as there is room. Any number
// of goroutines may use it at once.
type queue struct {
	sizes   []int64
	quarter func()

	mu       sync.Mutex // guards what follows
	room     sync.Cond  // that a file came back, or that none is left
	next     int        // the next file
	bytesOut int64
}

// newQueue returns a queue of files with these sizes. quarter is called once, when a
// quarter of them have been handed out; all others are, after it returned.
func newQueue(sizes []int64, quarter func()) *queue {
	q := &queue{sizes: sizes, quarter: quarter}
	q.room.L = &q.mu
	return q
}

// take returns the next file; it waits until there is room. It returns false if all
// have been handed out.
func (q *queue) take() (file int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.next < len(q.sizes) && q.bytesOut > 0 && q.bytesOut+q.sizes[q.next] > mostBytesOut {
		q.room.Wait()
	}
	if q.next == len(q.sizes) {
		return 0, false
	}
	file = q.next
	if file == len(q.sizes)/4 {
		q.quarter()
	}
	q.next++
	q.bytesOut += q.sizes[file]
	return file, true
}

// put takes a file back that was counted, or could not be.
func (q *queue) put(file int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytesOut -= q.sizes[file]
	q.room.Broadcast()
}

package native

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// wire is the link to a peer behind a connection. It has a queue of what is to be sent,
// which one goroutine at a time writes: a sender that finds nobody writing, or else one
// that lives until nothing is left. A later sender only appends meanwhile, so that batches
// form under load, and a lone message is on its way without a switch of goroutines.
type wire struct {
	most     int          // messages in the queue
	makeRoom func()       // is called without locks when there is room for who found none
	streak   atomic.Int32 // writes by senders since the peer sent something, or a goroutine wrote

	mu        sync.Mutex // guards what follows; none other is taken under it
	stopped   sync.Cond  // on mu: nobody writes
	queue     outqueue
	conn      *conn // nil while there is none
	writing   bool  // whether somebody writes to it
	waiting   bool  // who found no room is to be told
	finishing bool  // the connection ends when all is written
}

// newWire returns a link without a connection.
func newWire(most int, makeRoom func()) *wire {
	w := &wire{most: most, makeRoom: makeRoom, queue: newOutqueue()}
	w.stopped.L = &w.mu
	return w
}

func (w *wire) put(frames [][]byte) (ok, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.hasRoom() {
		return false, false
	}
	w.queue.put(frames)
	return true, w.hasRoom()
}

func (w *wire) putEncoded(_ [][]byte, encoded []byte) (ok, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.hasRoom() {
		return false, false
	}
	w.queue.putEncoded(encoded)
	return true, w.hasRoom()
}

func (w *wire) room() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hasRoom()
}

// hasRoom says whether there is room for a message; if not, it will be told when there is.
func (w *wire) hasRoom() bool {
	full := w.queue.messages >= w.most || w.queue.bytes >= maxQueued
	w.waiting = w.waiting || full
	return !full
}

// roomAgain says whether somebody is to be told that there is room: when half of the
// queue is free.
func (w *wire) roomAgain() bool {
	if !w.waiting || w.queue.messages > w.most/2 || w.queue.bytes > maxQueued/2 {
		return false
	}
	w.waiting = false
	return true
}

// tell appends a subscription. It goes to the connection there is; the next one is told
// of all. A publisher that takes none for long is disconnected, and told of those that are
// left when it is back.
func (w *wire) tell(subscribes bool, prefix []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn == nil {
		return
	}
	if minor := w.conn.peer.Minor; subscribes {
		w.queue.commands = zmtp.AppendSubscribe(w.queue.commands, minor, prefix)
	} else {
		w.queue.commands = zmtp.AppendCancel(w.queue.commands, minor, prefix)
	}
	if len(w.queue.commands) > maxCommands {
		w.queue.commands = nil
		w.conn.close()
	}
}

// answer answers a PING.
func (w *wire) answer(context []byte) {
	w.mu.Lock()
	w.queue.answer(context)
	w.mu.Unlock()
	w.soon()
}

// heard notes that the peer sent something: messages go to and fro.
func (w *wire) heard() { w.streak.Store(0) }

// A sender writes by itself as long as an answer comes now and then. In a stream of
// messages it is better that a goroutine writes many at a time.
const longestStreak = 4

// mostWrites is how many times a sender writes for others before a goroutine takes over.
const mostWrites = 4

func (w *wire) flush() {
	c := w.begin()
	if c == nil {
		return
	}
	if w.streak.Add(1) > longestStreak || !c.canTry() {
		w.mu.Unlock()
		go w.drain(c)
		return
	}
	if w.write(c, mostWrites, false) {
		go w.drain(c)
	}
}

func (w *wire) soon() {
	if c := w.begin(); c != nil {
		w.mu.Unlock()
		go w.drain(c)
	}
}

// begin makes the caller the writer, with the lock held, if there is anything to
// write and nobody does. Otherwise it returns nil.
func (w *wire) begin() *conn {
	w.mu.Lock()
	if w.writing || w.conn == nil || w.queue.empty() {
		w.mu.Unlock()
		return nil
	}
	w.writing = true
	return w.conn
}

// drain writes until nothing is left.
func (w *wire) drain(c *conn) {
	w.mu.Lock()
	for w.write(c, mostWrites, true) {
		w.mu.Lock()
	}
	w.streak.Store(0)
}

// write writes some times, and says whether something is left and the caller is still
// its writer. It begins with the lock held and ends without it.
func (w *wire) write(c *conn, times int, wait bool) (left bool) {
	for range times {
		b := w.next(c, wait)
		if b == nil || w.conn != c {
			w.stop()
			return false
		}
		w.mu.Unlock()
		n, err := c.write(b, wait)
		w.mu.Lock()
		w.queue.wrote(n)
		if err != nil {
			w.stop()
			c.close()
			return false
		}
		w.tellRoom()
		if n < len(b) {
			break
		}
	}
	if w.queue.empty() {
		w.stop()
		return false
	}
	w.mu.Unlock()
	return true
}

// next returns what to write next. A goroutine that may wait lets others run first when
// there is nothing: in a stream of messages there will be.
func (w *wire) next(c *conn, wait bool) []byte {
	b := w.queue.take(c.sealer)
	if b == nil && wait {
		w.mu.Unlock()
		runtime.Gosched()
		w.mu.Lock()
		b = w.queue.take(c.sealer)
	}
	return b
}

// tellRoom tells who waits that there is room. It lets go of the lock meanwhile.
func (w *wire) tellRoom() {
	if w.roomAgain() {
		w.mu.Unlock()
		w.makeRoom()
		w.mu.Lock()
	}
}

// stop ends the caller's writing, and the connection if that waits for it. It ends
// without the lock.
func (w *wire) stop() {
	w.writing = false
	w.stopped.Broadcast()
	w.endIfDone()
}

// endIfDone ends the connection if it is finishing and all is written. It ends without
// the lock.
func (w *wire) endIfDone() {
	c := w.conn
	done := w.finishing && !w.writing && w.queue.empty()
	w.mu.Unlock()
	if done && c != nil {
		c.shutDown()
	}
}

// connect puts the link on a connection, which the commands are for. The caller must
// flush.
func (w *wire) connect(c *conn, commands []byte) {
	w.mu.Lock()
	w.conn, w.queue.commands = c, commands
	w.streak.Store(0)
	w.endIfDone()
}

// disconnect takes the link off its connection, which is closed. Messages of which nothing was
// written are kept for the next one, or dropped.
func (w *wire) disconnect(keep bool) {
	w.mu.Lock()
	w.conn = nil
	for w.writing {
		w.stopped.Wait()
	}
	if keep {
		w.queue.disconnect()
	} else {
		w.queue.clear()
	}
	w.tellRoom()
	w.mu.Unlock()
}

// empty says whether nothing waits to be sent.
func (w *wire) empty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.queue.empty()
}

func (w *wire) finish() {
	w.mu.Lock()
	w.finishing = true
	w.endIfDone()
}

func (w *wire) cut() {
	w.mu.Lock()
	c := w.conn
	w.mu.Unlock()
	if c != nil {
		c.close()
	}
}

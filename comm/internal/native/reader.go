package native

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// reader reads a connection and hands its messages to a socket, all of one
// read at once. While it waits for a peer that is silent it has no memory for what may
// come; what a peer announces it has none for until it comes.
type reader struct {
	conn   *conn
	socket *socket
	peer   *peer

	ready func(fd uintptr) bool // tryRead
	n     int                   // what it read
	err   error                 // and why it did not

	slab    *slab  // that buf is; nil if buf is memory for one frame alone
	buf     []byte // buf[from:to] was read and is no whole frame, or waits for room
	from    int
	to      int
	large   bool          // whether the next slab shall be large
	proved  int           // the largest frame that had memory of its own and came whole
	silence time.Duration // that the peer promised not to exceed; 0: it did not
	limited bool          // the connection has a deadline for that

	room    int // for how many messages the queue has room at least
	message assembler
}

// newReader returns a reader of a connection on which rest was read already.
func newReader(s *socket, p *peer, c *conn, rest []byte) *reader {
	r := &reader{conn: c, socket: s, peer: p, buf: rest, to: len(rest)}
	r.message.init(s, p)
	r.ready = r.tryRead
	return r
}

// run reads until the connection ends, and returns why.
func (r *reader) run() error {
	defer r.drop()
	for {
		if err := r.hand(); err != nil {
			return err
		}
		if err := r.fill(); err != nil {
			return err
		}
		r.peer.link.(*wire).heard()
	}
}

// fill reads once.
func (r *reader) fill() error {
	if r.from < r.to {
		r.makeRoom()
	} else {
		r.drop()
	}
	if err := r.limitSilence(); err != nil {
		return err
	}
	n, err := r.wait()
	if r.limited && errors.Is(err, os.ErrDeadlineExceeded) {
		err = errSilent
	}
	if n == len(r.buf)-r.to {
		r.large = true
	} else if n < smallSlab/2 {
		r.large = false
	}
	r.to += n
	return err
}

// errSilent is why a peer is disconnected that sent PINGs and then nothing.
var errSilent = errors.New("it was silent for longer than it promised")

// limitSilence bounds how long the next read waits, if the peer said how long it may be
// silent. Time in which nothing is read does not count.
func (r *reader) limitSilence() error {
	switch {
	case r.silence == 0 && !r.limited:
		return nil
	case r.silence == 0:
		r.limited = false
		return r.conn.SetReadDeadline(time.Time{})
	}
	r.limited = true
	return r.conn.SetReadDeadline(time.Now().Add(r.silence))
}

// take gets memory to read into, if there is none.
func (r *reader) take() {
	if r.buf == nil {
		r.slab = newSlab(r.large)
		r.buf = r.slab.data
	}
}

// free returns where the next read goes to.
func (r *reader) free() []byte { return r.buf[r.to:] }

// giveBack gives the memory back if nothing is in it.
func (r *reader) giveBack() {
	if r.from == r.to {
		r.drop()
	}
}

// drop gives the memory back.
func (r *reader) drop() {
	if r.slab != nil {
		r.slab.free()
	}
	r.slab, r.buf, r.from, r.to = nil, nil, 0, 0
}

// longestHeader is what is read of a frame at least, to know its size.
const longestHeader = zmtp.MaxHeader

// makeRoom makes room for the rest of the frame that is there in part. A frame that no
// slab has room for gets memory of its own, which grows with what has come, up to the
// size that was announced; at once only for who has sent as much before.
func (r *reader) makeRoom() {
	begun := r.buf[r.from:r.to]
	size, _ := zmtp.PeekFrame(begun)
	size = max(size, longestHeader)
	if r.from+size <= len(r.buf) {
		return
	}
	if size <= largeSlab {
		s := newSlab(size > smallSlab || r.large)
		r.replace(s, s.data)
		return
	}
	if r.from > 0 || r.to == len(r.buf) {
		r.replace(nil, make([]byte, min(size, max(2*len(begun), largeSlab, r.proved))))
	}
}

// replace goes on in other memory.
func (r *reader) replace(s *slab, buf []byte) {
	n := copy(buf, r.buf[r.from:r.to])
	r.drop()
	r.slab, r.buf, r.to = s, buf, n
}

// hand hands all whole messages to the socket, and waits while there is no room for them.
func (r *reader) hand() error {
	for {
		if r.room < usualRoom {
			if err := r.awaitRoom(); err != nil {
				return err
			}
		}
		wanted := r.room
		items, err := r.parse(wanted)
		r.room = r.socket.in.push(&r.peer.in, items...)
		r.message.clear()
		if err != nil || len(items) < wanted {
			return err
		}
	}
}

// usualRoom is below what room the queue is asked anew.
const usualRoom = 64

// awaitRoom waits until there is room in the queue: that holds up the peer, since nothing
// is read.
func (r *reader) awaitRoom() error {
	for {
		if r.room = r.socket.in.push(&r.peer.in); r.room > 0 {
			return nil
		}
		select {
		case <-r.peer.resumed:
		case <-r.conn.gone:
			return net.ErrClosed
		}
	}
}

// parse takes whole frames until they make that many messages. The messages are valid
// until the assembler is cleared, also if there is an error.
func (r *reader) parse(most int) ([]item, error) {
	for len(r.message.whole) < most {
		f, n, err := r.conn.reads.Next(r.buf[r.from:r.to])
		if err != nil || n == 0 {
			return r.message.whole, err
		}
		own := r.conn.sealer != nil || r.owned(n)
		r.from += n
		if err := r.frame(f, own); err != nil {
			return r.message.whole, err
		}
	}
	return r.message.whole, nil
}

// owned says whether the frame of n bytes has its memory alone. Then it is given away.
func (r *reader) owned(n int) bool {
	if r.slab != nil || n != len(r.buf) || n < largeSlab {
		return false
	}
	r.proved = min(n, mostProved)
	return true
}

// mostProved is what memory a frame gets at once at most, whatever came before.
const mostProved = 4 << 20

// frame does what a frame is for.
func (r *reader) frame(f zmtp.Frame, own bool) error {
	switch f.Kind {
	case zmtp.Part:
		r.message.rest = r.to - r.from
		return r.message.add(f.Body, f.More, own)
	case zmtp.Ping:
		r.silence = f.TTL
		r.peer.link.(*wire).answer(f.Body)
	case zmtp.Subscribe:
		return r.message.subscribe(true, f.Body)
	case zmtp.Cancel:
		return r.message.subscribe(false, f.Body)
	}
	return nil
}

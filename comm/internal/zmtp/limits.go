package zmtp

// Limits bounds what a peer may send. Each is held against what a header
// announces, before any of it has to be kept.
type Limits struct {
	// Frame is the bytes of one part of a message.
	Frame int
	// Message is the bytes of all parts of one message.
	Message int
	// Frames is the number of parts of one message.
	Frames int
	// Command is the bytes of one command, a subscription among them.
	Command int
}

// tally holds the parts of one message against the limits.
type tally struct {
	limits Limits
	frames int
	bytes  uint64
}

// part counts a part of size bytes and says whether the message may have it.
func (t *tally) part(size uint64) error {
	l := t.limits
	switch {
	case size > uint64(l.Frame):
		return fail(TooLarge, "a frame of %d bytes, above the limit of %d", size, l.Frame)
	case t.frames == l.Frames:
		return fail(TooLarge, "a message of more than %d frames", l.Frames)
	case t.bytes+size > uint64(l.Message):
		return fail(TooLarge, "a message of at least %d bytes, above the limit of %d", t.bytes+size, l.Message)
	}
	return nil
}

// add enters a part that part has let through.
func (t *tally) add(size uint64, more bool) {
	if !more {
		t.frames, t.bytes = 0, 0
		return
	}
	t.frames++
	t.bytes += size
}

// sealed holds what CURVE encrypted against the larger of the limits. What is in
// it is held against its own when it is open.
func (t *tally) sealed(size uint64) error {
	if most := uint64(max(t.limits.Frame, t.limits.Command) + curveOverhead); size > most {
		return fail(TooLarge, "an encrypted frame of %d bytes, above the limit of %d", size, most)
	}
	return nil
}

// command holds a command of size bytes against the limit.
func (t *tally) command(size uint64) error {
	if size > uint64(t.limits.Command) {
		return fail(TooLarge, "a command of %d bytes, above the limit of %d", size, t.limits.Command)
	}
	return nil
}

package zmtp

import "time"

// Kind tells the frames apart.
type Kind uint8

// The kinds of frame.
const (
	// Part is a part of a message.
	Part Kind = iota
	// Ping asks for a Pong with the same body.
	Ping
	// Pong answers a Ping.
	Pong
	// Subscribe asks for messages that begin with the body.
	Subscribe
	// Cancel ends a subscription.
	Cancel
	// Other is a command that means nothing here. It is to be ignored.
	Other
)

// Frame is one part of a message, or one command.
type Frame struct {
	Kind Kind          // what it is
	More bool          // of a Part: further parts of the message follow
	TTL  time.Duration // of a Ping: how long silence may last; 0: not said
	Body []byte        // the part, the prefix of a subscription, or a Ping's context
}

// Decoder reads frames that come after the handshake. Commands may stand between
// the parts of a message, as libzmq sends them.
type Decoder struct {
	tally  tally
	opener *opener // of CURVE; nil in the clear
	alloc  func(size int) []byte
}

// Next reads the frame at the front of b. n is how many bytes it took, 0 if the
// frame is incomplete. A body aliases b; if the mechanism is CURVE it aliases
// what the decoder's alloc returned. An error, always an [*Error], ends the
// connection. It comes as soon as a header tells of it.
func (d *Decoder) Next(b []byte) (f Frame, n int, err error) {
	h, err := parseHeader(b)
	if err != nil || h.length == 0 {
		return Frame{}, 0, err
	}
	if err := d.admit(h); err != nil {
		return Frame{}, 0, err
	}
	body, n := h.whole(b)
	if n == 0 {
		return Frame{}, 0, nil
	}
	flags := h.flags
	if d.opener != nil {
		if flags, body, err = d.open(body); err != nil {
			return Frame{}, 0, err
		}
	}
	f, err = d.frame(flags, body)
	return f, n, err
}

// admit holds what a header announces against the limits.
func (d *Decoder) admit(h header) error {
	switch {
	case d.opener != nil:
		return d.tally.sealed(h.size)
	case h.flags&flagCommand != 0:
		return d.tally.command(h.size)
	default:
		return d.tally.part(h.size)
	}
}

// open decrypts a frame of CURVE and holds what was in it against the limits.
func (d *Decoder) open(body []byte) (flags byte, clear []byte, err error) {
	flags, clear, err = d.opener.open(body, d.alloc)
	switch {
	case err != nil:
		return 0, nil, err
	case flags&flagCommand != 0:
		err = d.tally.command(uint64(len(clear)))
	default:
		err = d.tally.part(uint64(len(clear)))
	}
	return flags, clear, err
}

// frame returns the frame of flags and body.
func (d *Decoder) frame(flags byte, body []byte) (Frame, error) {
	if flags&flagCommand != 0 {
		return commandFrame(body)
	}
	more := flags&flagMore != 0
	d.tally.add(uint64(len(body)), more)
	return Frame{Kind: Part, More: more, Body: body}, nil
}

func commandFrame(body []byte) (Frame, error) {
	name, data, err := parseCommand(body)
	if err != nil {
		return Frame{}, err
	}
	switch string(name) {
	case namePing:
		ttl, context, err := parsePing(data)
		return Frame{Kind: Ping, TTL: ttl, Body: context}, err
	case namePong:
		return Frame{Kind: Pong, Body: data}, nil
	case nameSubscribe:
		return Frame{Kind: Subscribe, Body: data}, nil
	case nameCancel:
		return Frame{Kind: Cancel, Body: data}, nil
	default:
		return Frame{Kind: Other}, nil
	}
}

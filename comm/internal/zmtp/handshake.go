package zmtp

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Config says what one end of a connection is.
type Config struct {
	// Type is the socket's.
	Type SocketType
	// Identity is the routing id that a REQ, DEALER or ROUTER tells, at most 255
	// bytes of which the first is not zero. Empty leaves the choice to the peer.
	Identity []byte
	// Properties are further metadata for the peer.
	Properties []Property
	// Mechanism is how the two ends prove who they are; nil is [Null].
	Mechanism Mechanism
	// MaxCommand is the bytes of a command of the handshake; 0 is
	// [DefaultMaxCommand].
	MaxCommand int
}

// DefaultMaxCommand is what a command of the handshake may have in bytes. Those
// of CURVE need 257 and the metadata.
const DefaultMaxCommand = 8 << 10

// Peer is what a handshake learns of the other end.
type Peer struct {
	// Minor is the minor version of ZMTP 3 that both ends speak.
	Minor byte
	// Type is its socket's. It may be empty: some peers do not say.
	Type SocketType
	// Identity is its routing id; empty if it chose none.
	Identity []byte
	// Properties are its other metadata.
	Properties []Property
	// Credentials are what it showed; see [Handshake.Credentials].
	Credentials Credentials
}

// Credentials are what a client shows to a server.
type Credentials struct {
	// Mechanism is "NULL", "PLAIN" or "CURVE".
	Mechanism string
	// User and Password are those of PLAIN.
	User, Password string
	// Key is the client's lasting public key, proved by CURVE.
	Key Key
}

// Verdict says what becomes of a client that has shown its credentials.
type Verdict uint8

// The verdicts.
const (
	// Allow lets the client in.
	Allow Verdict = iota + 1
	// Deny sends ERROR. libzmq's clients never try again.
	Deny
	// DenyForNow closes the connection without a word. Clients try again.
	DenyForNow
)

// deniedReason is the reason of an ERROR: ZAP's status, as libzmq sends it.
const deniedReason = "400"

// Handshake runs from the first byte of a connection until messages may flow.
//
// [Handshake.Start] gives the first bytes to send. [Handshake.Feed] takes what
// arrives and gives what to answer, until [Handshake.Done], or until
// [Handshake.Credentials] has something to judge, and [Handshake.Decide] goes
// on. Nothing else may be sent before Done: libzmq closes a connection on which a
// frame comes before its READY has left.
type Handshake struct {
	config Config
	side   side // of the mechanism
	peer   Peer
	phase  phase
}

type phase uint8

const (
	phaseGreeting phase = iota
	phaseCommands
	phaseVerdict
	phaseDone
	phaseFailed
)

// NewHandshake returns the handshake of one connection. It reports all that is
// wrong with c.
func NewHandshake(c Config) (*Handshake, error) {
	if c.Mechanism == nil {
		c.Mechanism = Null()
	}
	if c.MaxCommand == 0 {
		c.MaxCommand = DefaultMaxCommand
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return &Handshake{config: c, side: c.Mechanism.newSide()}, nil
}

func (c *Config) check() error {
	var wrong []error
	if c.Type.peers() == nil {
		wrong = append(wrong, fmt.Errorf("zmtp: unknown socket type %q", c.Type))
	}
	wrong = append(wrong, checkIdentity(c.Identity))
	if len(c.Properties) > maxProperties-2 {
		wrong = append(wrong, fmt.Errorf("zmtp: %d properties, above the limit of %d", len(c.Properties), maxProperties-2))
	}
	for _, p := range c.Properties {
		wrong = append(wrong, p.check())
	}
	return errors.Join(append(wrong, c.Mechanism.check())...)
}

func (p Property) check() error {
	switch {
	case p.Name == "" || len(p.Name) > math.MaxUint8:
		return fmt.Errorf("zmtp: the name of a property has 1 to 255 bytes, not %d", len(p.Name))
	case strings.EqualFold(p.Name, propertySocketType) || strings.EqualFold(p.Name, propertyIdentity):
		return fmt.Errorf("zmtp: the property %s is set by the socket", p.Name)
	case len(p.Value) > math.MaxInt32:
		return fmt.Errorf("zmtp: the property %s has %d bytes", p.Name, len(p.Value))
	}
	return nil
}

// Start appends the greeting.
func (h *Handshake) Start(dst []byte) []byte {
	return greeting{minor: minor, mechanism: h.side.name(), server: h.side.server()}.append(dst)
}

// Feed takes bytes off the front of b and appends to dst what is to be sent. n
// is how many it took; it takes none when something is incomplete, when a
// verdict is due, and when the handshake is done. After an error, always an
// [*Error], what was appended is still to be sent; then the connection is over.
func (h *Handshake) Feed(b, dst []byte) (n int, out []byte, err error) {
	for h.phase == phaseGreeting || h.phase == phaseCommands {
		taken, appended, err := h.step(b[n:], dst)
		n, dst = n+taken, appended
		if err != nil {
			h.phase = phaseFailed
			return n, dst, err
		}
		if taken == 0 {
			break
		}
	}
	return n, dst, nil
}

// step takes the greeting or one command, if it is whole.
func (h *Handshake) step(b, dst []byte) (n int, out []byte, err error) {
	if h.phase == phaseGreeting {
		return h.greet(b, dst)
	}
	head, err := parseHeader(b)
	if err != nil || head.length == 0 {
		return 0, dst, err
	}
	switch {
	case head.flags&flagCommand == 0:
		return 0, dst, fail(Malformed, "a message before the end of the handshake")
	case head.size > uint64(h.config.MaxCommand):
		return 0, dst, fail(TooLarge, "a command of %d bytes in the handshake, above the limit of %d", head.size, h.config.MaxCommand)
	}
	body, n := head.whole(b)
	if n == 0 {
		return 0, dst, nil
	}
	out, err = h.command(body, dst)
	return n, out, err
}

func (h *Handshake) greet(b, dst []byte) (n int, out []byte, err error) {
	g, whole, err := parseGreeting(b)
	if err != nil || !whole {
		return 0, dst, err
	}
	if g.mechanism != h.side.name() {
		return 0, dst, fail(MechanismMismatch, "the peer has %s, this end %s", g.mechanism, h.side.name())
	}
	h.phase, h.peer.Minor = phaseCommands, min(g.minor, minor)
	h.peer.Credentials.Mechanism = g.mechanism
	return greetingSize, h.side.begin(&h.config, dst), nil
}

// command hands a command to the mechanism. ERROR is the same for all.
func (h *Handshake) command(body, dst []byte) ([]byte, error) {
	name, data, err := parseCommand(mendError(body))
	if err != nil {
		return dst, err
	}
	if string(name) == nameError {
		return dst, refusal(data)
	}
	dst, h.phase, err = h.side.command(string(name), data, &h.config, &h.peer, dst)
	return dst, err
}

// Credentials returns what a client showed, and whether a verdict is due.
func (h *Handshake) Credentials() (Credentials, bool) {
	return h.peer.Credentials, h.phase == phaseVerdict
}

// Decide goes on after [Handshake.Credentials] was true, as Feed does. Its error
// is [Denied] unless the verdict is Allow.
func (h *Handshake) Decide(v Verdict, dst []byte) ([]byte, error) {
	if h.phase != phaseVerdict {
		return dst, fail(Denied, "nobody asked for a verdict")
	}
	if v != Allow {
		h.phase = phaseFailed
		if v == Deny {
			dst = appendError(dst, deniedReason)
		}
		return dst, fail(Denied, "%s", h.peer.Credentials)
	}
	dst, h.phase = h.side.allowed(&h.config, dst)
	return dst, nil
}

// String tells who it is, without the password.
func (c Credentials) String() string {
	switch c.Mechanism {
	case "PLAIN":
		return fmt.Sprintf("PLAIN user %.80q", c.User)
	case "CURVE":
		return fmt.Sprintf("CURVE key %x", c.Key[:])
	default:
		return c.Mechanism
	}
}

// Done says that messages may flow.
func (h *Handshake) Done() bool { return h.phase == phaseDone }

// Peer returns what is known of the other end. It is whole when Done.
func (h *Handshake) Peer() Peer { return h.peer }

// Decoder returns what reads the frames of the peer from now on. Only CURVE uses
// alloc: it returns room for the body of a frame; nil is make.
func (h *Handshake) Decoder(limits Limits, alloc func(size int) []byte) *Decoder {
	if alloc == nil {
		alloc = func(size int) []byte { return make([]byte, size) }
	}
	return &Decoder{tally: tally{limits: limits}, opener: h.side.opener(), alloc: alloc}
}

// Sealer returns what encrypts frames for the peer, nil if they go in the clear.
func (h *Handshake) Sealer() *Sealer { return h.side.sealer() }

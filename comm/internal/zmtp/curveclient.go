package zmtp

import (
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/nacl/box"
)

// CurveClient returns the client's end of CURVE (RFC 25, 26), which proves that
// it holds keys and talks to nobody but the holder of server's secret key.
func CurveClient(keys KeyPair, server Key) Mechanism {
	return curveClient{keys: keys, server: server, random: systemRandom}
}

type curveClient struct {
	keys   KeyPair
	server Key
	random random
}

func (m curveClient) check() error {
	if m.keys != KeyPairOf(m.keys.Secret) {
		return errors.New("zmtp: the public and the secret key of a CURVE client are no pair")
	}
	if m.server == (Key{}) {
		return errors.New("zmtp: a CURVE client needs the public key of the server")
	}
	return nil
}

func (m curveClient) newSide() side { return &curveClientSide{curveClient: m, due: nameWelcome} }

// The counters of a client's boxes go on over the handshake.
const (
	clientHello = iota + 1
	clientInitiate
)

type curveClientSide struct {
	curveClient
	due    string
	short  KeyPair // of this connection
	shared *shared // with the server's short key
	ready  uint64  // the counter of the server's READY
}

func (*curveClientSide) name() string { return curveName }
func (*curveClientSide) server() bool { return false }

func (s *curveClientSide) begin(_ *Config, dst []byte) []byte {
	s.short = s.random.keyPair()
	dst = appendCommandHeader(dst, nameHello, helloSize)
	dst = append(dst, 1, 0) // the version of CurveZMQ
	dst = append(dst, make([]byte, helloPadding)...)
	dst = append(dst, s.short.Public[:]...)
	dst = binary.BigEndian.AppendUint64(dst, clientHello)
	return seal(dst, make([]byte, helloZeros), counterNonce(nonceHello, clientHello), s.curveClient.server, s.short.Secret)
}

func (s *curveClientSide) command(name string, data []byte, c *Config, p *Peer, dst []byte) ([]byte, phase, error) {
	switch {
	case name != s.due:
		return dst, phaseFailed, unexpected(name, s.due)
	case name == nameReady:
		return dst, phaseDone, s.finish(data, c, p)
	}
	s.due = nameReady
	return s.initiate(data, c, dst)
}

// initiate answers WELCOME.
func (s *curveClientSide) initiate(welcome []byte, c *Config, dst []byte) ([]byte, phase, error) {
	if len(welcome) != welcomeSize {
		return dst, phaseFailed, fail(Malformed, "a WELCOME of CURVE of %d bytes", len(welcome))
	}
	opened, ok := open(welcome[longNonce:], nonceOf(nonceWelcome, welcome[:longNonce]), s.curveClient.server, s.short.Secret)
	if !ok {
		return dst, phaseFailed, fail(Malformed, "a WELCOME of CURVE that does not open")
	}
	server, cookie := Key(opened[:KeySize]), opened[KeySize:]
	s.shared = precompute(server, s.short.Secret)

	content := append([]byte(nil), s.keys.Public[:]...)
	content = s.appendVouch(content, server)
	content = appendMetadata(content, c)
	dst = appendCommandHeader(dst, nameInitiate, cookieSize+shortNonce+len(content)+box.Overhead)
	dst = append(dst, cookie...)
	dst = binary.BigEndian.AppendUint64(dst, clientInitiate)
	return sealShared(dst, content, counterNonce(nonceInitiate, clientInitiate), s.shared), phaseCommands, nil
}

// appendVouch appends the proof that the short key is the client's, for this
// server only.
func (s *curveClientSide) appendVouch(dst []byte, server Key) []byte {
	var r [longNonce]byte
	s.random.fill(r[:])
	content := append(append([]byte(nil), s.short.Public[:]...), s.curveClient.server[:]...)
	return seal(append(dst, r[:]...), content, nonceOf(nonceVouch, r[:]), server, s.keys.Secret)
}

// finish takes READY.
func (s *curveClientSide) finish(ready []byte, c *Config, p *Peer) error {
	if len(ready) < readySize {
		return fail(Malformed, "a READY of CURVE of %d bytes", len(ready))
	}
	s.ready = binary.BigEndian.Uint64(ready)
	metadata, ok := openShared(ready[shortNonce:], counterNonce(nonceReady, s.ready), s.shared)
	if !ok {
		return fail(Malformed, "a READY of CURVE that does not open")
	}
	return p.learn(metadata, c.Type)
}

func (*curveClientSide) allowed(_ *Config, dst []byte) ([]byte, phase) { return dst, phaseFailed }

func (s *curveClientSide) opener() *opener {
	return &opener{shared: s.shared, counter: newCounter(nonceServerMessage, s.ready)}
}

func (s *curveClientSide) sealer() *Sealer {
	return &Sealer{shared: s.shared, counter: newCounter(nonceClientMessage, clientInitiate)}
}

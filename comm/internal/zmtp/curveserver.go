package zmtp

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/nacl/secretbox"
)

// CurveServer returns the server's end of CURVE (RFC 25, 26). Each client is
// served with the key that it asks for, so that an old and a new key may overlap.
// [Handshake.Credentials] has the client's lasting key; nobody gets in without a
// verdict.
func CurveServer(keys ...KeyPair) Mechanism { return curveServer{keys: keys, random: systemRandom} }

type curveServer struct {
	keys   []KeyPair
	random random
}

func (m curveServer) check() error {
	if len(m.keys) == 0 {
		return errors.New("zmtp: a CURVE server needs a key pair")
	}
	for _, pair := range m.keys {
		if pair != KeyPairOf(pair.Secret) {
			return errors.New("zmtp: the public and the secret key of a CURVE server are no pair")
		}
	}
	return nil
}

func (m curveServer) newSide() side { return &curveServerSide{curveServer: m, due: nameHello} }

// The counters of a server's boxes go on over the handshake.
const serverReady = 1

type curveServerSide struct {
	curveServer
	due      string
	long     KeyPair       // the one that the client asked for
	short    KeyPair       // of this connection
	client   Key           // the client's short key
	cookie   [KeySize]byte // the key that the cookie is sealed with
	shared   *shared       // with the client's short key
	initiate uint64        // the counter of the client's INITIATE
}

func (*curveServerSide) name() string                       { return curveName }
func (*curveServerSide) server() bool                       { return true }
func (*curveServerSide) begin(_ *Config, dst []byte) []byte { return dst }

func (s *curveServerSide) command(name string, data []byte, c *Config, p *Peer, dst []byte) ([]byte, phase, error) {
	switch {
	case name != s.due:
		return dst, phaseFailed, unexpected(name, s.due)
	case name == nameInitiate:
		return dst, phaseVerdict, s.initiated(data, c, p)
	}
	if err := s.hello(data); err != nil {
		return dst, phaseFailed, err
	}
	s.due = nameInitiate
	return s.appendWelcome(dst), phaseCommands, nil
}

// hello takes the client's short key, and finds the key of ours that the client
// knows.
func (s *curveServerSide) hello(data []byte) error {
	const keyAt = 2 + helloPadding
	if len(data) != helloSize || data[0] != 1 || data[1] != 0 {
		return fail(Malformed, "a HELLO of CURVE of %d bytes", len(data))
	}
	s.client = Key(data[keyAt:])
	sealed := data[keyAt+KeySize:]
	n := nonceOf(nonceHello, sealed[:shortNonce])
	for _, pair := range s.keys {
		zeros, ok := open(sealed[shortNonce:], n, s.client, pair.Secret)
		if ok && subtle.ConstantTimeCompare(zeros, make([]byte, helloZeros)) == 1 {
			s.long = pair
			return nil
		}
	}
	return fail(Denied, "a CURVE client that asks for another server key")
}

func (s *curveServerSide) appendWelcome(dst []byte) []byte {
	var r [longNonce]byte
	s.short = s.random.keyPair()
	s.random.fill(s.cookie[:])
	s.random.fill(r[:])
	content := s.appendCookie(append([]byte(nil), s.short.Public[:]...))
	dst = append(appendCommandHeader(dst, nameWelcome, welcomeSize), r[:]...)
	return seal(dst, content, nonceOf(nonceWelcome, r[:]), s.client, s.long.Secret)
}

// appendCookie appends what the client brings back in INITIATE.
func (s *curveServerSide) appendCookie(dst []byte) []byte {
	var r [longNonce]byte
	s.random.fill(r[:])
	content := append(append([]byte(nil), s.client[:]...), s.short.Secret[:]...)
	return secretbox.Seal(append(dst, r[:]...), content, nonceOf(nonceCookie, r[:]), &s.cookie)
}

// initiated takes INITIATE: who the client is, and its metadata.
func (s *curveServerSide) initiated(data []byte, c *Config, p *Peer) error {
	if len(data) < initiateSize {
		return fail(Malformed, "an INITIATE of CURVE of %d bytes", len(data))
	}
	if !s.ownCookie(data[:cookieSize]) {
		return fail(Malformed, "an INITIATE of CURVE with another cookie")
	}
	s.shared = precompute(s.client, s.short.Secret)
	s.initiate = binary.BigEndian.Uint64(data[cookieSize:])
	content, ok := openShared(data[cookieSize+shortNonce:], counterNonce(nonceInitiate, s.initiate), s.shared)
	if !ok {
		return fail(Malformed, "an INITIATE of CURVE that does not open")
	}
	key, vouch, metadata := Key(content), content[KeySize:KeySize+vouchSize], content[KeySize+vouchSize:]
	if !s.vouched(key, vouch) {
		return fail(Denied, "a CURVE client that does not hold the key %x", key[:])
	}
	p.Credentials.Key = key
	return p.learn(metadata, c.Type)
}

func (s *curveServerSide) ownCookie(cookie []byte) bool {
	content, ok := secretbox.Open(nil, cookie[longNonce:], nonceOf(nonceCookie, cookie[:longNonce]), &s.cookie)
	return ok && Key(content) == s.client && Key(content[KeySize:]) == s.short.Secret
}

// vouched says whether the holder of key made the connection, and made it to
// this server. libzmq looks at the first only.
func (s *curveServerSide) vouched(key Key, vouch []byte) bool {
	content, ok := open(vouch[longNonce:], nonceOf(nonceVouch, vouch[:longNonce]), key, s.short.Secret)
	return ok && Key(content) == s.client && Key(content[KeySize:]) == s.long.Public
}

func (s *curveServerSide) allowed(c *Config, dst []byte) ([]byte, phase) {
	metadata := appendMetadata(nil, c)
	dst = appendCommandHeader(dst, nameReady, readySize+len(metadata))
	dst = binary.BigEndian.AppendUint64(dst, serverReady)
	return sealShared(dst, metadata, counterNonce(nonceReady, serverReady), s.shared), phaseDone
}

func (s *curveServerSide) opener() *opener {
	return &opener{shared: s.shared, counter: newCounter(nonceClientMessage, s.initiate)}
}

func (s *curveServerSide) sealer() *Sealer {
	return &Sealer{shared: s.shared, counter: newCounter(nonceServerMessage, serverReady)}
}

package zmtp

import (
	"fmt"
	"math"
)

// PlainClient returns the client's end of PLAIN (RFC 24): user and password in
// the clear, of at most 255 bytes each.
func PlainClient(user, password string) Mechanism { return plainClient{user: user, password: password} }

// PlainServer returns the server's end of PLAIN. [Handshake.Credentials] has the
// user and the password.
func PlainServer() Mechanism { return plainServer{} }

const plainName = "PLAIN"

type plainClient struct {
	user, password string
}

func (m plainClient) check() error {
	if max(len(m.user), len(m.password)) > math.MaxUint8 {
		return fmt.Errorf("zmtp: a PLAIN user and password have at most %d bytes", math.MaxUint8)
	}
	return nil
}

func (m plainClient) newSide() side { return &plainClientSide{plainClient: m, due: nameWelcome} }

type plainClientSide struct {
	clear
	plainClient
	due string // the command that comes next
}

func (*plainClientSide) name() string { return plainName }
func (*plainClientSide) server() bool { return false }

func (s *plainClientSide) begin(_ *Config, dst []byte) []byte {
	dst = appendCommandHeader(dst, nameHello, 2+len(s.user)+len(s.password))
	dst = append(append(dst, byte(len(s.user))), s.user...)
	return append(append(dst, byte(len(s.password))), s.password...)
}

func (s *plainClientSide) command(name string, data []byte, c *Config, p *Peer, dst []byte) ([]byte, phase, error) {
	switch {
	case name != s.due:
		return dst, phaseFailed, unexpected(name, s.due)
	case name == nameReady:
		return dst, phaseDone, p.learn(data, c.Type)
	}
	s.due = nameReady
	return appendCommand(dst, nameInitiate, appendMetadata(nil, c)), phaseCommands, nil
}

func (*plainClientSide) allowed(_ *Config, dst []byte) ([]byte, phase) { return dst, phaseFailed }

type plainServer struct{}

func (plainServer) check() error  { return nil }
func (plainServer) newSide() side { return &plainServerSide{due: nameHello} }

type plainServerSide struct {
	clear
	due string
}

func (*plainServerSide) name() string                       { return plainName }
func (*plainServerSide) server() bool                       { return true }
func (*plainServerSide) begin(_ *Config, dst []byte) []byte { return dst }

func (s *plainServerSide) command(name string, data []byte, c *Config, p *Peer, dst []byte) ([]byte, phase, error) {
	switch {
	case name != s.due:
		return dst, phaseFailed, unexpected(name, s.due)
	case name == nameHello:
		return dst, phaseVerdict, p.parseHello(data)
	}
	if err := p.learn(data, c.Type); err != nil {
		return dst, phaseFailed, err
	}
	return appendReady(dst, c), phaseDone, nil
}

func (s *plainServerSide) allowed(_ *Config, dst []byte) ([]byte, phase) {
	s.due = nameInitiate
	return appendCommand(dst, nameWelcome, nil), phaseCommands
}

// parseHello reads the user and the password.
func (p *Peer) parseHello(data []byte) error {
	user, rest, ok := cutShort(data)
	password, rest, also := cutShort(rest)
	if !ok || !also || len(rest) > 0 {
		return fail(Malformed, "a HELLO of PLAIN of %d bytes", len(data))
	}
	p.Credentials.User, p.Credentials.Password = string(user), string(password)
	return nil
}

package zmtp

// Null returns the mechanism without security (RFC 37, "The NULL Security
// Mechanism"): both ends send READY at once, as libzmq does.
func Null() Mechanism { return null{} }

type null struct{ clear }

func (null) check() error  { return nil }
func (null) newSide() side { return null{} }
func (null) name() string  { return "NULL" }
func (null) server() bool  { return false }

func (null) begin(c *Config, dst []byte) []byte { return appendReady(dst, c) }

func (null) command(name string, data []byte, c *Config, p *Peer, dst []byte) ([]byte, phase, error) {
	if name != nameReady {
		return dst, phaseFailed, unexpected(name, nameReady)
	}
	return dst, phaseDone, p.learn(data, c.Type)
}

func (null) allowed(_ *Config, dst []byte) ([]byte, phase) { return dst, phaseDone }

// appendReady appends a READY in the clear.
func appendReady(dst []byte, c *Config) []byte {
	return appendCommand(dst, nameReady, appendMetadata(nil, c))
}

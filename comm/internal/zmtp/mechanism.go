package zmtp

// Mechanism is how the two ends of a connection prove who they are: [Null],
// [PlainClient], [PlainServer], [CurveClient] or [CurveServer]. A value serves
// any number of connections.
type Mechanism interface {
	// check says what is wrong with the mechanism's settings.
	check() error
	// newSide returns the state of one connection.
	newSide() side
}

// side is one end of a mechanism on one connection.
type side interface {
	// name is what the greeting says.
	name() string
	// server says whether this is the end that lets the other one in.
	server() bool
	// begin appends what is sent when both greetings agree.
	begin(c *Config, dst []byte) []byte
	// command takes a command that is no ERROR, appends the answer, and returns
	// the phase that it leads to.
	command(name string, data []byte, c *Config, p *Peer, dst []byte) ([]byte, phase, error)
	// allowed goes on after a phase of phaseVerdict.
	allowed(c *Config, dst []byte) ([]byte, phase)
	// opener and sealer are nil in the clear.
	opener() *opener
	sealer() *Sealer
}

// clear is what mechanisms without encryption have in common.
type clear struct{}

func (clear) opener() *opener { return nil }
func (clear) sealer() *Sealer { return nil }

// unexpected is the error of a command at the wrong moment.
func unexpected(name string, want string) error {
	return fail(Malformed, "%.20q where %s is due", name, want)
}

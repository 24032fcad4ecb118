package majordomo

// ReadReply parses what a broker sends to a client, for the fuzz target: whether it is
// the last, and the body.
func ReadReply(v Version, frames [][]byte) (last bool, service string, body [][]byte, err error) {
	r, err := v.readReply(frames)
	return r.final, r.service, r.body, err
}

// ReadCommand parses what a broker sends to a worker, for the fuzz target; a REQUEST has
// a body.
func ReadCommand(v Version, frames [][]byte) (address []byte, body [][]byte, err error) {
	c, err := v.readCommand(frames)
	return c.address, c.body, err
}

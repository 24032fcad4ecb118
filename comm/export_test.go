package comm

// What the tests of this package see of its inside.

// ParseEndpoints reads a list and returns what libzmq is told: "bind" or
// "connect" and an endpoint, for each.
func ParseEndpoints(kind Kind, list string) ([]string, error) {
	endpoints, err := parseEndpoints(kind.Binds(), list)
	if err != nil {
		return nil, err
	}
	told := []string{}
	for _, e := range endpoints {
		do := "connect "
		if e.binds {
			do = "bind "
		}
		told = append(told, do+e.String())
	}
	return told, nil
}

// Waiting returns how many callers wait to receive and to send.
func (s *Socket) Waiting() (receivers, senders int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.receivers.callers.Len(), s.senders.callers.Len()
}

// Names returns how many inproc names are bound in the context, and how many are
// waited for.
func (c *Context) Names() (bound, waited int) {
	c.names.mu.Lock()
	defer c.names.mu.Unlock()
	return len(c.names.bound), len(c.names.dials)
}

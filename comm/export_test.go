package comm

// What the tests of this package see of its inside.

// ParseEndpoints reads a list and returns what the engine is told: "bind" or
// "connect" and an endpoint, for each.
func ParseEndpoints(kind Kind, list string) ([]string, error) {
	endpoints, err := parseEndpoints(kind.Binds(), list)
	if err != nil {
		return nil, err
	}
	told := []string{}
	for _, e := range endpoints {
		do := "connect "
		if e.Binds {
			do = "bind "
		}
		told = append(told, do+e.String())
	}
	return told, nil
}

// Waiting returns how many callers wait to receive and to send.
func (s *Socket) Waiting() (receivers, senders int) { return s.inner.Waiting() }

// Names returns how many inproc names are bound in the context, and how many only dialed.
func (c *Context) Names() (bound, dialed int) { return c.inner.Names() }

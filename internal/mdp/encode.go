package mdp

// Encode returns the frames of a message, without a routing id:
//
//	MDP/0.1  ["", "MDPC01", service, body...]           REQUEST, REPLY of a client
//	         ["", "MDPW01", 01, service]                READY
//	         ["", "MDPW01", 02, address, "", body...]   REQUEST, and 03 REPLY
//	         ["", "MDPW01", 04]                         HEARTBEAT, and 05 DISCONNECT
//	MDP/0.2  ["MDPC02", 01, service, body...]           REQUEST, 02 PARTIAL, 03 FINAL
//	         ["MDPW02", 01, service]                    READY
//	         ["MDPW02", 02, address, "", body...]       REQUEST, 03 PARTIAL, 04 FINAL
//	         ["MDPW02", 05]                             HEARTBEAT, and 06 DISCONNECT
//
// (RFC 7 and RFC 18, "MDP/Client", "MDP/Worker".) A body without frames is written as an
// empty one. It is nil if the spelling has no such message: a PARTIAL of MDP/0.1.
func (s *Spelling) Encode(m Message) [][]byte {
	code := s.of(m.Role)[m.Kind]
	if code == "" && (m.Role == Worker || m.Kind == Partial) {
		return nil
	}
	frames := make([][]byte, 0, 5+max(len(m.Body), 1))
	if s.delimited {
		frames = append(frames, []byte{})
	}
	frames = append(frames, []byte(s.headers[m.Role]))
	if code != "" {
		frames = append(frames, []byte(code))
	}
	switch {
	case m.Kind == Heartbeat || m.Kind == Disconnect:
		return frames
	case m.Kind == Ready:
		return append(frames, []byte(m.Service))
	case m.Role == Worker:
		frames = append(frames, m.Address, []byte{})
	case m.Kind == Request || !s.nameless:
		frames = append(frames, []byte(m.Service))
	}
	return append(frames, Body(m.Body)...)
}

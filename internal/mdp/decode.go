package mdp

import "fmt"

// Decode reads a message that came to a broker: a client's REQUEST, or what a worker
// sends. The error is INVALID_ARGUMENT; the role is that of the header also then. A REQUEST
// of a client has a service and a body; the replies of workers may have no body.
func (s *Spelling) Decode(frames [][]byte) (Message, error) {
	role, rest := s.header(frames)
	switch role {
	case Client:
		return s.decodeRequest(rest)
	case Worker:
		return s.decodeWorker(rest)
	default:
		return Message{}, invalid("no message of %v", s.version)
	}
}

// decodeRequest reads what is behind the header of a client's REQUEST.
func (s *Spelling) decodeRequest(frames [][]byte) (Message, error) {
	m := Message{Role: Client, Kind: Request}
	if s.client[Request] != "" {
		if len(frames) == 0 || s.client.kind(frames[0]) != Request {
			return m, invalid("a message of a client without the command REQUEST")
		}
		frames = frames[1:]
	}
	if len(frames) < 2 {
		return m, invalid("a request without a service and a body")
	}
	m.Service, m.Body = string(frames[0]), frames[1:]
	return m, CheckName(m.Service)
}

// decodeWorker reads what is behind the header of MDP/Worker, in either direction.
func (s *Spelling) decodeWorker(frames [][]byte) (m Message, err error) {
	m.Role = Worker
	if len(frames) == 0 {
		return m, invalid("a message of a worker without a command")
	}
	m.Kind = s.worker.kind(frames[0])
	switch rest := frames[1:]; m.Kind {
	case Ready:
		if len(rest) != 1 {
			return m, invalid("READY with %d frames behind it, want the service", len(rest))
		}
		m.Service = string(rest[0])
		return m, CheckName(m.Service)
	case Request, Partial, Final:
		return m.addressed(rest)
	case Heartbeat, Disconnect:
		if len(rest) != 0 {
			return m, invalid("%v with %d frames behind it", m.Kind, len(rest))
		}
		return m, nil
	default:
		return m, invalid("a worker's command %s", shown(frames[0]))
	}
}

// addressed reads what is behind a command about a request: exactly one client address, an
// empty frame, and the body.
func (m Message) addressed(frames [][]byte) (Message, error) {
	if len(frames) < 2 {
		return m, invalid("%v without a client address and an empty frame", m.Kind)
	}
	m.Address, m.Body = frames[0], frames[1:]
	if m.NoDelimiter = len(frames[1]) != 0; !m.NoDelimiter {
		m.Body = frames[2:]
	}
	return m, nil
}

// DecodeReply reads what a broker sends to a client: PARTIAL or FINAL, with a body of one
// frame or more, and with the service unless the spelling leaves it out.
func (s *Spelling) DecodeReply(frames [][]byte) (Message, error) {
	m := Message{Role: Client, Kind: Final}
	role, rest := s.header(frames)
	if role != Client {
		return m, invalid("no message of %v for a client", s.version)
	}
	if s.client[Final] != "" {
		if len(rest) > 0 {
			m.Kind = s.client.kind(rest[0])
		}
		if len(rest) == 0 || m.Kind != Partial && m.Kind != Final {
			return m, invalid("neither PARTIAL nor FINAL")
		}
		rest = rest[1:]
	}
	if !s.nameless {
		if len(rest) == 0 {
			return m, invalid("a reply without a service")
		}
		m.Service, rest = string(rest[0]), rest[1:]
	}
	m.Body = Body(rest)
	return m, nil
}

// DecodeCommand reads what a broker sends to a worker: REQUEST, with an address, an empty
// frame and a body of one frame or more, HEARTBEAT or DISCONNECT.
func (s *Spelling) DecodeCommand(frames [][]byte) (Message, error) {
	role, rest := s.header(frames)
	if role != Worker {
		return Message{}, invalid("no message of %v for a worker", s.version)
	}
	m, err := s.decodeWorker(rest)
	switch {
	case err != nil:
		return m, err
	case m.Kind == Heartbeat || m.Kind == Disconnect:
		return m, nil
	case m.Kind != Request:
		return m, invalid("%v is no command of a broker", m.Kind)
	case m.NoDelimiter:
		return m, invalid("a request without an empty frame behind the address")
	}
	m.Body = Body(m.Body)
	return m, nil
}

// shown returns a command as it stands in errors.
func shown(command []byte) string {
	if len(command) != 1 {
		return fmt.Sprintf("of %d bytes", len(command))
	}
	return fmt.Sprintf("%#02x", command[0])
}

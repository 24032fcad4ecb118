package message

// What black-box tests cannot see otherwise.

// MetaSize returns how many bytes Meta says that it writes.
func MetaSize(m *Meta) int { return m.size() }

// MetaBytes returns the bytes that Meta writes.
func MetaBytes(m *Meta) []byte { return m.append(nil) }

// TopicOf returns a topic by the name of its type, which need not exist.
func TopicOf(fullName string, exact bool, subject ...string) Topic {
	return Topic{name: fullName, subject: subject, exact: exact}
}

package store

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging/message"
)

// The bounds of one instance.
const (
	// MaxNameBytes is how long a name, or an id, may be.
	MaxNameBytes = 255
	// MaxEndpoints is how many endpoints an instance may have.
	MaxEndpoints = 16
	// MaxLabels is how many labels an instance may have.
	MaxLabels = 64
	// MaxServices is how many services an instance may name.
	MaxServices = 256
	// MaxInstanceBytes is how large an instance may be, as it is marshalled.
	MaxInstanceBytes = 64 << 10
	// MaxTokenBytes is how long the token of a registration may be.
	MaxTokenBytes = 64
)

// CheckInstance returns the size of an instance in bytes, as it is marshalled, or
// INVALID_ARGUMENT for one that no registry takes.
func CheckInstance(instance *mitterev1.Instance) (size int, err error) {
	problem := firstProblem(instance)
	size = proto.Size(instance)
	if problem == "" && size > MaxInstanceBytes {
		problem = fmt.Sprintf("%d bytes, more than %d", size, MaxInstanceBytes)
	}
	// Whether all the strings are UTF-8 is what marshalling finds out. What is
	// not could not be sent at all.
	if problem == "" {
		if _, err := proto.Marshal(instance); err != nil {
			problem = err.Error()
		}
	}
	if problem != "" {
		return 0, message.Errorf(message.InvalidArgument, "instance %.40q of %.40q: %s", instance.GetId(), instance.GetName(), problem)
	}
	return size, nil
}

// CheckEntry returns INVALID_ARGUMENT if no registry could have made an entry; a store
// refuses to keep such a one.
func CheckEntry(entry *mitterev1.Entry) error {
	if _, err := CheckInstance(entry.GetInstance()); err != nil {
		return err
	}
	if entry.GetLeaseNano() < 0 {
		return message.Errorf(message.InvalidArgument, "a lease of %v", time.Duration(entry.GetLeaseNano()))
	}
	return CheckToken(entry.GetToken())
}

// CheckToken returns INVALID_ARGUMENT for a token that is too long.
func CheckToken(token []byte) error {
	if len(token) > MaxTokenBytes {
		return message.Errorf(message.InvalidArgument, "a token of %d bytes, more than %d", len(token), MaxTokenBytes)
	}
	return nil
}

// firstProblem returns what is wrong with an instance first, or "".
func firstProblem(instance *mitterev1.Instance) string {
	counts := []struct {
		what       string
		have, most int
	}{
		{"endpoints", len(instance.GetEndpoints()), MaxEndpoints},
		{"labels", len(instance.GetLabels()), MaxLabels},
		{"services", len(instance.GetServices()), MaxServices},
	}
	for _, c := range counts {
		if c.have > c.most {
			return fmt.Sprintf("%d %s, more than %d", c.have, c.what, c.most)
		}
	}
	switch {
	case !validName(instance.GetName()):
		return fmt.Sprintf("a name has 1 to %d bytes of UTF-8 without control characters", MaxNameBytes)
	case !validName(instance.GetId()):
		return fmt.Sprintf("an id has 1 to %d bytes of UTF-8 without control characters", MaxNameBytes)
	case len(instance.GetEndpoints()) == 0:
		return "no endpoints, so that no client could connect to it"
	}
	for _, endpoint := range instance.GetEndpoints() {
		if err := CheckEndpoint(endpoint); err != nil {
			return message.AsError(err).Message
		}
	}
	return ""
}

// validName reports whether a name or an id may be used. Control characters
// would do things to the terminals on which names are listed.
func validName(name string) bool {
	return name != "" && len(name) <= MaxNameBytes && !strings.ContainsFunc(name, unprintable)
}

// CheckEndpoint returns INVALID_ARGUMENT for an endpoint to which no client can connect:
// that is no transport://address, or whose tcp address is no host and port from 1 to
// 65535. A comma would make two of it where endpoints are lists, and an asterisk would
// make a socket bind that is to connect; see package comm.
func CheckEndpoint(endpoint string) error {
	transport, address, ok := strings.Cut(endpoint, "://")
	notLetter := func(r rune) bool { return r < 'a' || r > 'z' }
	switch {
	case !ok || transport == "" || address == "" || strings.ContainsFunc(transport, notLetter) ||
		strings.ContainsAny(address, "*,") || strings.ContainsFunc(address, unprintable):
		return message.Errorf(message.InvalidArgument, "endpoint %.80q: want transport://address, as one connects to it", endpoint)
	case transport == "tcp" && !validTCP(address):
		return message.Errorf(message.InvalidArgument, "endpoint %.80q: want tcp://host:port, with a port from 1 to 65535", endpoint)
	default:
		return nil
	}
}

// validTCP reports whether an address is a host and a port. The host may be a name that
// is not known here.
func validTCP(address string) bool {
	host, port, err := net.SplitHostPort(address)
	number, wrong := strconv.ParseUint(port, 10, 16)
	return err == nil && wrong == nil && number > 0 && host != "" && !strings.ContainsFunc(host, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("/@>;", r)
	})
}

// unprintable reports whether a rune is a control character, or stands for a
// byte that is not UTF-8.
func unprintable(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }

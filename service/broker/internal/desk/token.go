package desk

import (
	"strconv"
	"strings"
)

// Token returns a delivery as text, for dialects that have no number for it: MDP's
// address of the client (RFC 7), and the pirates'. It is printable ASCII and names
// the run of the broker, so that replies to a former one are of nothing here.
func (d *Desk) Token(delivery uint64) string {
	return d.epoch + "-" + strconv.FormatUint(delivery, 10)
}

// Delivery returns the delivery of a token; 0, which names nothing, for any other text.
func (d *Desk) Delivery(token string) uint64 {
	number, ok := strings.CutPrefix(token, d.epoch+"-")
	if !ok {
		return 0
	}
	delivery, err := strconv.ParseUint(number, 10, 64)
	if err != nil || number[0] == '0' || number[0] == '+' {
		return 0
	}
	return delivery
}

// printable reports whether a text may be an epoch.
func printable(epoch string) bool {
	for _, c := range []byte(epoch) {
		if c <= ' ' || c > '~' || c == '-' {
			return false
		}
	}
	return epoch != "" && len(epoch) <= maxName
}

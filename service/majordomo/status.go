package majordomo

import (
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// statusName is the full name of the message that errors travel as.
const statusName = "mittere.v1.Status"

// errorIn returns the error that a body is; nil for any other body.
func errorIn(body [][]byte) error {
	if len(body) != 1 {
		return nil
	}
	envelope, err := messaging.Decode(body[0])
	if err != nil || envelope.Type != statusName {
		return nil
	}
	var status mitterev1.Status
	if err := envelope.OpenInto(&status); err != nil {
		return nil
	}
	return messaging.FromStatus(&status)
}

// bodyOfError returns the body that an error travels as.
func bodyOfError(err error) [][]byte {
	status := messaging.AsError(err).Status()
	envelope, wrong := messaging.Pack(status)
	if wrong != nil { // invalid UTF-8 in its text
		envelope, _ = messaging.Pack(&mitterev1.Status{Code: status.GetCode()})
	}
	return [][]byte{envelope.Append(nil)}
}

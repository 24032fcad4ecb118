package message

import (
	"strings"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Code says what kind of error happened. It is the enum of the schema; its
// numbers are those of gRPC, and its docs say whether a retry is safe.
type Code = mitterev1.Code

// The codes; see mittere.v1.Code in proto/mittere/v1/status.proto.
const (
	// OK is no error.
	OK = mitterev1.Code_CODE_UNSPECIFIED
	// Cancelled means that the caller ended the call.
	Cancelled = mitterev1.Code_CODE_CANCELLED
	// Unknown is an error that fits no other code. A retry is not safe.
	Unknown = mitterev1.Code_CODE_UNKNOWN
	// InvalidArgument means that a request is wrong in itself. A retry fails.
	InvalidArgument = mitterev1.Code_CODE_INVALID_ARGUMENT
	// DeadlineExceeded means that time ran out. Whether the request was executed
	// is not known; only what is idempotent may be retried.
	DeadlineExceeded = mitterev1.Code_CODE_DEADLINE_EXCEEDED
	// NotFound means that what was named does not exist.
	NotFound = mitterev1.Code_CODE_NOT_FOUND
	// AlreadyExists means that what should be made exists.
	AlreadyExists = mitterev1.Code_CODE_ALREADY_EXISTS
	// PermissionDenied means that the caller may not do this.
	PermissionDenied = mitterev1.Code_CODE_PERMISSION_DENIED
	// ResourceExhausted means that a limit is reached. If it is that of a queue the
	// error is refused, and a retry after a while is safe; an answer that is too large
	// was executed.
	ResourceExhausted = mitterev1.Code_CODE_RESOURCE_EXHAUSTED
	// FailedPrecondition means that the system is not in the state for this.
	FailedPrecondition = mitterev1.Code_CODE_FAILED_PRECONDITION
	// Aborted means that another request was faster.
	Aborted = mitterev1.Code_CODE_ABORTED
	// OutOfRange means that the request reaches beyond the valid range.
	OutOfRange = mitterev1.Code_CODE_OUT_OF_RANGE
	// Unimplemented means that the receiver has no handler for this.
	Unimplemented = mitterev1.Code_CODE_UNIMPLEMENTED
	// Internal means that something is broken on the other side.
	Internal = mitterev1.Code_CODE_INTERNAL
	// Unavailable means that the peer cannot be reached or went away.
	Unavailable = mitterev1.Code_CODE_UNAVAILABLE
	// DataLoss means that data is lost or damaged for good.
	DataLoss = mitterev1.Code_CODE_DATA_LOSS
	// Unauthenticated means that the caller is not known.
	Unauthenticated = mitterev1.Code_CODE_UNAUTHENTICATED
)

// CodeName returns the name of a code as errors, logs and the command line write it, such as
// NOT_FOUND; OK for no error, the number of a code that is not known. The enum's own String
// is what protobuf's JSON has, CODE_NOT_FOUND.
func CodeName(code Code) string {
	if code == OK {
		return "OK"
	}
	return strings.TrimPrefix(code.String(), "CODE_")
}

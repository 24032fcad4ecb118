package desk

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/anypb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// status returns an error as it travels.
func status(code mitterev1.Code, format string, args ...any) *mitterev1.Status {
	return &mitterev1.Status{Code: code, Message: fmt.Sprintf(format, args...)}
}

// statusSilent is told to a worker that was silent for too long.
func statusSilent(silence time.Duration) *mitterev1.Status {
	return status(mitterev1.Code_CODE_UNAVAILABLE, "nothing was heard of the worker for %v", silence)
}

// statusUnregistered is told to a peer that is no worker.
func statusUnregistered() *mitterev1.Status {
	return status(mitterev1.Code_CODE_UNAVAILABLE, "the worker is not registered")
}

// overtime is the answer for a part when its time is over. It is refused if no
// worker can have executed it.
func overtime(p *part) Answer {
	message, phase := "the request waited for too long: "+p.wait().Message, mitterev1.Overtime_PHASE_WAITING
	if p.delivery != 0 {
		message, phase = "the worker took too long", mitterev1.Overtime_PHASE_EXECUTING
	}
	return Answer{Status: exceeded(message, phase), Refused: p.delivery == 0 && !p.lost}
}

// tooLate is the answer to a request whose time was over when it came.
func tooLate() Answer {
	return Answer{Status: exceeded("the request came too late", mitterev1.Overtime_PHASE_WAITING), Refused: true}
}

// exceeded returns the error of what took too long, and where.
func exceeded(message string, phase mitterev1.Overtime_Phase) *mitterev1.Status {
	s := status(mitterev1.Code_CODE_DEADLINE_EXCEEDED, "%s", message)
	if detail, err := anypb.New(&mitterev1.Overtime{Phase: phase}); err == nil {
		s.Details = append(s.Details, detail)
	}
	return s
}

// refused returns the answer to what was not executed and will not be.
func refused(code mitterev1.Code, format string, args ...any) Answer {
	return Answer{Status: status(code, format, args...), Refused: true}
}

// maxListed bounds the names in the text of an error.
const maxListed = 20

// listed returns names for the text of an error.
func listed(names []string) string {
	rest := ""
	if n := len(names) - maxListed; n > 0 {
		names, rest = names[:maxListed], fmt.Sprintf(" and %d more", n)
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(quoted, ", ") + rest
}

package call

import "github.com/mittere/mittere/messaging"

// once returns a function that passes on what differs from what it passed on before; it
// begins with a call that does not wait.
func once(tell func(why error)) func(why error) {
	told := ""
	return func(why error) {
		text := ""
		if why != nil {
			text = why.Error()
		}
		if text != told {
			told = text
			tell(why)
		}
	}
}

// waits tells the caller why the call waits; nil is that it does no longer.
func (r *Request) waits(why error) {
	if r.Waiting != nil {
		r.Waiting(why)
	}
}

// tellWaiting tells the caller what the server said last of why the call waits.
func (x *exchange) tellWaiting(r *Request) {
	k := x.waiting.Load()
	if k.GetReason() == 0 {
		r.waits(nil)
		return
	}
	r.waits(messaging.Errorf(messaging.Unavailable, "%s", k.GetMessage()))
}

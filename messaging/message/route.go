package message

// Route is the frames in front of an envelope: the way back to its sender
// through ROUTERs, with an empty frame at its end if the sender is a REQ.
type Route [][]byte

// Delimiter returns the route that makes a DEALER look like a REQ: dīvidere's
// sendWithEmptyFrame.
func Delimiter() Route { return Route{nil} }

// Delimited reports whether the route leads somewhere and ends in an empty frame,
// which says that the sender waits for exactly one answer. An empty frame alone,
// as a Dealer gets it from a REP, stands in front of such an answer.
func (r Route) Delimited() bool { return len(r) > 1 && len(r[len(r)-1]) == 0 }

// Valid reports whether an empty frame stands nowhere but at the end.
func (r Route) Valid() bool {
	for i, frame := range r {
		if len(frame) == 0 && i < len(r)-1 {
			return false
		}
	}
	return true
}

// SplitRoute splits the frames of a message that came through a ROUTER into
// the way back and the body. The way back is everything up to and with the
// first empty frame, as a REQ socket writes it; if there is none, as with a
// plain DEALER, it is the first frame alone.
func SplitRoute(frames [][]byte) (route, body [][]byte) {
	for i, frame := range frames {
		if len(frame) == 0 {
			return cut(frames, i+1)
		}
	}
	return cut(frames, min(1, len(frames)))
}

// cut splits frames so that appending to the front leaves the rest alone.
func cut(frames [][]byte, n int) (front, rest [][]byte) {
	return frames[:n:n], frames[n:]
}

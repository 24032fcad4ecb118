package message

import "maps"

// Option sets a part of the envelope of one message. The set is sealed.
type Option interface{ apply(*Envelope) }

// option is a Option made of a function.
type option func(*Envelope)

func (o option) apply(e *Envelope) { o(e) }

// Subject sets the key by which subscribers can select among messages of one
// type, as segments from the widest to the narrowest.
func Subject(segments ...string) Option {
	return option(func(e *Envelope) { e.Subject = segments })
}

// Metadata attaches texts under keys; the last one for a key counts.
func Metadata(metadata map[string]string) Option {
	return option(func(e *Envelope) {
		if e.Meta.Metadata == nil {
			e.Meta.Metadata = map[string]string{}
		}
		maps.Copy(e.Meta.Metadata, metadata)
	})
}

// Trace sets the headers of W3C trace context.
func Trace(parent, state string) Option {
	return option(func(e *Envelope) { e.Meta.TraceParent, e.Meta.TraceState = parent, state })
}

package message

import "context"

// TraceContext is the headers of W3C trace context. They pass through handlers:
// the context of one carries what its request had, and calls made with that
// context carry it on.
type TraceContext struct {
	// Parent is the header traceparent.
	Parent string
	// State is the header tracestate.
	State string
}

// traceKey is the key of a TraceContext in a context.
type traceKey struct{}

// WithTraceContext returns a context that carries t.
func WithTraceContext(ctx context.Context, t TraceContext) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceContextFrom returns what ctx carries, empty if nothing.
func TraceContextFrom(ctx context.Context) TraceContext {
	t, _ := ctx.Value(traceKey{}).(TraceContext)
	return t
}

package main

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// healthName returns the name of a health, such as serving.
func healthName(health mitterev1.Health) string {
	if health == mitterev1.Health_HEALTH_UNSPECIFIED {
		return "unknown"
	}
	return strings.ToLower(strings.TrimPrefix(health.String(), "HEALTH_"))
}

// dialectName returns the name of a dialect: mittere, or plain.
func dialectName(dialect mitterev1.Dialect) string {
	if dialect == mitterev1.Dialect_DIALECT_UNSPECIFIED {
		return "mittere"
	}
	return strings.ToLower(strings.TrimPrefix(dialect.String(), "DIALECT_"))
}

// kindName returns the name of a kind: service, or publisher.
func kindName(kind mitterev1.Kind) string {
	if kind == mitterev1.Kind_KIND_UNSPECIFIED {
		return "service"
	}
	return strings.ToLower(strings.TrimPrefix(kind.String(), "KIND_"))
}

// labelsText returns labels on one line, in order.
func labelsText(labels map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, key+"="+labels[key])
	}
	return strings.Join(parts, " ")
}

// short returns a duration with three digits or so.
func short(d time.Duration) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= 100*unit {
			return d.Round(unit).String()
		}
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}

// seconds returns nanoseconds as seconds, for JSON.
func seconds(nano int64) float64 { return time.Duration(nano).Seconds() }

// joined returns texts as one word.
func joined(texts []string) string { return strings.Join(texts, ",") }

// orEmpty returns a list that is no null in JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// orNone returns a map that is no null in JSON.
func orNone(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// spaced returns a name in JSON as words: inFlight is in flight.
func spaced(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// stateName returns the name of what a worker is doing: idle, busy or draining.
func stateName(state mitterev1.WorkerState) string {
	if state == mitterev1.WorkerState_WORKER_STATE_UNSPECIFIED {
		return "unknown"
	}
	return strings.ToLower(strings.TrimPrefix(state.String(), "WORKER_STATE_"))
}

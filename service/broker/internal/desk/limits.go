package desk

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Limits bound what a desk holds and how long. 0 stands for the default.
type Limits struct {
	Queue      int // requests that wait for one service; 10,000
	Requests   int // requests that wait or run, each counted once for each worker that it names; 100,000
	Bytes      int // of all requests that wait or run; 256 MiB
	Services   int // that have workers or requests, half of them without a worker, a tenth by the requests of one peer; 10,000
	Workers    int // that are registered; 10,000
	Offered    int // services of one worker; 64
	Capacity   int // requests at once of one worker, which is cut to that; 65,536, at most 1,048,576
	Waiters    int // calls that wait for one request, being its repetitions; 8
	Deliveries int // of one request, if workers die with it; 3
	Control    int // requests at one worker beside its capacity, see [Request]; 16
	Peer       int // requests of one peer that wait or run, counted as Requests are; 10,000
	OneWay     int // of all requests, those that are one-way, which outlive their senders; half of Requests

	// Expiry is how long a request without a deadline may wait, and one-way ones for a service
	// that has no worker, whatever their deadline; 30 s.
	Expiry time.Duration
	// Longest is how long any request may take, its wait included; 24 h. It is for what no
	// deadline ends, and for clients that cannot be seen to have gone.
	Longest   time.Duration
	Heartbeat time.Duration // the shortest interval of heartbeats; 10 ms
	KeyAge    time.Duration // how long keys of requests that have ended are kept; 10 s
	Keys      int           // how many of those; 65,536
}

// defaultLimits returns the limits where none are given.
func defaultLimits() Limits {
	return Limits{
		Queue: 10_000, Requests: 100_000, Bytes: 256 << 20, Services: 10_000, Workers: 10_000,
		Offered: 64, Capacity: 65_536, Waiters: 8, Deliveries: 3, Control: 16, Peer: 10_000,
		Expiry: 30 * time.Second, Longest: 24 * time.Hour, Heartbeat: 10 * time.Millisecond,
		KeyAge: 10 * time.Second, Keys: 65_536,
	}
}

// complete returns the limits with the defaults in place, and what is wrong with
// them.
func (l Limits) complete() (Limits, error) {
	var errs []error
	defaults := defaultLimits()
	counts := []struct {
		name  string
		value *int
		other int
	}{
		{"Queue", &l.Queue, defaults.Queue},
		{"Requests", &l.Requests, defaults.Requests},
		{"Bytes", &l.Bytes, defaults.Bytes},
		{"Services", &l.Services, defaults.Services},
		{"Workers", &l.Workers, defaults.Workers},
		{"Offered", &l.Offered, defaults.Offered},
		{"Capacity", &l.Capacity, defaults.Capacity},
		{"Waiters", &l.Waiters, defaults.Waiters},
		{"Deliveries", &l.Deliveries, defaults.Deliveries},
		{"Control", &l.Control, defaults.Control},
		{"Keys", &l.Keys, defaults.Keys},
		{"Peer", &l.Peer, defaults.Peer},
	}
	for _, c := range counts {
		errs = append(errs, orDefault(c.name, c.value, c.other))
	}
	errs = append(errs,
		orDefault("OneWay", &l.OneWay, max(l.Requests/2, 1)),
		orDefault("Expiry", &l.Expiry, defaults.Expiry),
		orDefault("Longest", &l.Longest, defaults.Longest),
		orDefault("Heartbeat", &l.Heartbeat, defaults.Heartbeat),
		orDefault("KeyAge", &l.KeyAge, defaults.KeyAge))
	l.Capacity = min(l.Capacity, maxCapacity)
	return l, errors.Join(errs...)
}

// maxCapacity bounds the capacity of a worker whatever the limits are.
const maxCapacity = 1 << 20

// longestLimit keeps sums of times, and products of counts, from overflowing.
const longestLimit = math.MaxInt64 >> 10

// orDefault puts a default in place of 0.
func orDefault[T int | time.Duration](name string, value *T, other T) error {
	if *value < 0 || int64(*value) > int64(longestLimit) {
		return fmt.Errorf("desk: a limit %s of %v", name, *value)
	}
	if *value == 0 {
		*value = other
	}
	return nil
}

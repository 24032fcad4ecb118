package main

import (
	"fmt"
	"strconv"
	"time"
)

// Role is which end of a pattern a child is.
type Role string

// The roles: of each pattern the first binds and the second connects.
const (
	// RoleServe answers requests.
	RoleServe Role = "serve"
	// RoleCall makes them.
	RoleCall Role = "call"
	// RolePublish sends ticks.
	RolePublish Role = "publish"
	// RoleSubscribe gets them.
	RoleSubscribe Role = "subscribe"
)

// Task is what one child is told, on its command line: the same words for a Go
// child and for the C program.
type Task struct {
	// Pattern is what is done.
	Pattern Pattern
	// Role is which end of it the child is.
	Role Role
	// InFlight is how many requests wait at any time.
	InFlight int
	// Warm is how long the load runs before it counts.
	Warm time.Duration
	// Window is how long it counts.
	Window time.Duration
	// Size is the length of a payload in bytes.
	Size int
	// Endpoint is where to connect, empty for a role that binds.
	Endpoint string
	// Profile is the prefix of profile files, empty for none.
	Profile string
}

// args returns the words of a command line.
func (t Task) args() []string {
	return []string{
		string(t.Pattern), string(t.Role), strconv.Itoa(t.InFlight),
		strconv.FormatInt(t.Warm.Milliseconds(), 10),
		strconv.FormatInt(t.Window.Milliseconds(), 10),
		strconv.Itoa(t.Size), t.Endpoint, t.Profile,
	}
}

// parseTask reads what args wrote.
func parseTask(a []string) (Task, error) {
	if len(a) != 8 {
		return Task{}, fmt.Errorf("a task has 8 words, got %d", len(a))
	}
	t := Task{Pattern: Pattern(a[0]), Role: Role(a[1]), Endpoint: a[6], Profile: a[7]}
	var n [4]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(a[2+i]); err != nil {
			return Task{}, err
		}
	}
	t.InFlight, t.Size = n[0], n[3]
	t.Warm, t.Window = time.Duration(n[1])*time.Millisecond, time.Duration(n[2])*time.Millisecond
	return t, nil
}

// Result is what a child reports: one line of JSON. Zero means not measured.
type Result struct {
	// Ops is how many round trips or messages ended in the window.
	Ops uint64 `json:"ops"`
	// Seconds is the length of the window.
	Seconds float64 `json:"seconds"`
	// Total is how many there were at all, warm-up included.
	Total uint64 `json:"total"`
	// Lost is how many messages never came, by their numbers.
	Lost uint64 `json:"lost"`
	// P50 is the median latency in microseconds.
	P50 float64 `json:"p50_us"`
	// P99 is the latency in microseconds that one in a hundred exceeds.
	P99 float64 `json:"p99_us"`
	// Allocs is how many heap objects the child made for one op.
	Allocs float64 `json:"allocs"`
	// Bytes is how many heap bytes the child took for one op.
	Bytes float64 `json:"bytes"`
}

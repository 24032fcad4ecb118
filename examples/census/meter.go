package main

import (
	"fmt"
	"time"

	censusv1 "github.com/mittere/mittere/gen/census/v1"
)

// meter knows how far the job is from what the workers publish. It is pure state.
// A file that two workers have counted is in the progress of both, so that only
// finish says that all is done.
type meter struct {
	total    int // files
	finished bool
	began    time.Time
	progress map[int64]*censusv1.Progress // the last of each worker, by process id
}

// newMeter returns the meter of a job of this many files.
func newMeter(total int) *meter {
	return &meter{total: total, progress: map[int64]*censusv1.Progress{}}
}

// enter takes what a worker says of itself.
func (m *meter) enter(p *censusv1.Progress) { m.progress[p.GetPid()] = p }

// finish ends the job: what the workers published last may still be on its way.
func (m *meter) finish(bytes uint64) {
	m.finished = true
	m.progress = map[int64]*censusv1.Progress{0: {Files: uint64(m.total), Bytes: bytes}}
}

// done returns how many files and bytes are counted.
func (m *meter) done() (files int, bytes uint64) {
	for _, p := range m.progress {
		files += int(p.GetFiles())
		bytes += p.GetBytes()
	}
	if m.finished {
		return files, bytes
	}
	return max(0, min(files, m.total-1)), bytes
}

// fraction returns how much is done, from 0 to 1.
func (m *meter) fraction() float64 {
	if m.finished {
		return 1
	}
	files, _ := m.done()
	return float64(files) / float64(max(m.total, 1))
}

// line returns all of this for people.
func (m *meter) line(now time.Time) string {
	files, bytes := m.done()
	r := rateOf(files, bytes, now.Sub(m.began))
	return fmt.Sprintf("%3d %%  %d/%d files  %s  %s", int(100*m.fraction()), files, m.total, r, m.left(now))
}

// left says how long the rest will take.
func (m *meter) left(now time.Time) string {
	fraction := m.fraction()
	switch {
	case fraction == 1:
		return fmt.Sprintf("in %.1f s", now.Sub(m.began).Seconds())
	case fraction == 0:
		return "ETA ?"
	default:
		rest := now.Sub(m.began).Seconds() * (1 - fraction) / fraction
		return fmt.Sprintf("ETA %.0f s", rest)
	}
}

// rate is how fast something goes.
type rate struct{ files, megabytes float64 } // a second

// rateOf returns the rate of so much in a time.
func rateOf(files int, bytes uint64, took time.Duration) rate {
	seconds := max(took.Seconds(), 1e-9)
	return rate{float64(files) / seconds, float64(bytes) / 1e6 / seconds}
}

// String returns the rate for people.
func (r rate) String() string {
	return fmt.Sprintf("%.0f files/s  %.1f MB/s", r.files, r.megabytes)
}

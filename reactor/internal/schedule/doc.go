// Package schedule decides when and on which goroutine jobs run: a bounded number at once, one
// after the other those of one key, and in lanes that bound what waits. It stands below
// reactor/internal/serving, whose jobs are handlers, and uses internal/broadcast.
package schedule

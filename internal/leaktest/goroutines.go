package leaktest

import "go.uber.org/goleak"

// goroutines looks for goroutines that are not running now, and lists them
// with their stacks.
func goroutines() probe {
	current := goleak.IgnoreCurrent()
	return probe{"goroutines", func() string {
		if err := goleak.Find(current); err != nil {
			return err.Error()
		}
		return ""
	}}
}

// Package clock compares the clock of a peer with one's own. It stands below the ends
// of Command that keep sessions, reactor and the broker's native dialect, and uses
// nothing of ours.
package clock

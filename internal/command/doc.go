// Package command is the codec of mittere.v1.Command, the steps of calls and of their
// sessions, and what both ends of a session have to check. It knows no socket:
// messaging's Server and Worker, messaging/call, reactor and the broker's native dialect
// put it on theirs.
package command

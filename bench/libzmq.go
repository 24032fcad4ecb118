package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed native/peer.c
var peerSource []byte

// libzmq is ZeroMQ itself, in C: the ceiling of whatever stands on it. REQ/REP
// at one in flight, DEALER/ROUTER at more, XPUB/SUB.
type libzmq struct {
	program string
}

// Name implements System.
func (*libzmq) Name() string { return "libzmq" }

// Takes implements System: bytes only.
func (*libzmq) Takes(p Pattern) bool { return p != PatternQuote }

// Prepare implements System: it compiles the C program.
func (l *libzmq) Prepare(ctx context.Context, dir string) error {
	source := filepath.Join(dir, "peer.c")
	if err := os.WriteFile(source, peerSource, 0o600); err != nil {
		return err
	}
	flags, err := exec.CommandContext(ctx, "pkg-config", "--cflags", "--libs", "libzmq").Output()
	if err != nil {
		return fmt.Errorf("pkg-config libzmq: %w", err)
	}
	program := filepath.Join(dir, "peer")
	args := append([]string{"-O2", "-Wall", "-o", program, source, "-lpthread"}, strings.Fields(string(flags))...)
	if out, err := exec.CommandContext(ctx, "cc", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("cc: %w: %s", err, out)
	}
	l.program = program
	return nil
}

// Command implements System.
func (l *libzmq) Command(ctx context.Context, t Task) *exec.Cmd {
	return exec.CommandContext(ctx, l.program, t.args()...)
}

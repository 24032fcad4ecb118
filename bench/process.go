package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// stopWait is how long a child may take to end by itself.
const stopWait = 3 * time.Second

// process is a child, seen by its parent. The child ends when its standard
// input does, so it ends with its parent however that ends.
//
// Its standard output is two lines, "ready <endpoint>" and "result <json>",
// of which a role writes one or both.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	lines  chan string // closed when the output ends
	stderr bytes.Buffer
}

// start starts a child.
func start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, lines: make(chan string, 2)}
	cmd.Stderr = &p.stderr
	cmd.WaitDelay = stopWait
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go p.read(stdout)
	return p, nil
}

// read passes the lines on until the output ends. stop waits for it.
func (p *process) read(r io.Reader) {
	defer close(p.lines)
	for s := bufio.NewScanner(r); s.Scan(); {
		p.lines <- s.Text()
	}
}

// expect waits for the line that begins with a word and returns the rest.
func (p *process) expect(ctx context.Context, word string) (string, error) {
	select {
	case line, ok := <-p.lines:
		rest, found := strings.CutPrefix(line, word+" ")
		if !ok || !found {
			return "", fmt.Errorf("no %q but %q", word, line)
		}
		return rest, nil
	case <-ctx.Done():
		return "", fmt.Errorf("no %q: %w", word, ctx.Err())
	}
}

// result waits for what the child measured.
func (p *process) result(ctx context.Context) (r Result, err error) {
	line, err := p.expect(ctx, "result")
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(line), &r)
}

// stop ends the child, waits for it and returns the processor time it took.
func (p *process) stop() (time.Duration, error) {
	p.stdin.Close()
	kill := time.AfterFunc(stopWait, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	for range p.lines { // Wait may be called only when all is read
	}
	err := p.cmd.Wait()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(p.stderr.String()))
	}
	s := p.cmd.ProcessState
	return s.UserTime() + s.SystemTime(), err
}

// pair is the two processes of a cell.
type pair struct{ server, client *process }

// startPair starts the end that binds, then the end that connects to it.
func startPair(ctx context.Context, s System, server, client Task) (pair, error) {
	var p pair
	var err error
	if p.server, err = start(s.Command(ctx, server)); err != nil {
		return p, err
	}
	if client.Endpoint, err = p.server.expect(ctx, "ready"); err != nil {
		return p, err
	}
	p.client, err = start(s.Command(ctx, client))
	return p, err
}

// stop ends both, client first, and returns the processor time of both.
func (p pair) stop() (cpu time.Duration, err error) {
	for _, one := range []*process{p.client, p.server} {
		if one == nil {
			continue
		}
		t, e := one.stop()
		cpu, err = cpu+t, errors.Join(err, e)
	}
	return cpu, err
}

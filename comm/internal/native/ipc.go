package native

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
)

// listenIPC listens on a stream socket of Unix: at a path, at "*", which is a fresh path,
// or at a name of Linux's abstract namespace, which begins with "@".
func listenIPC(path string, mode os.FileMode) (*bound, error) {
	switch {
	case path == "*":
		return listenFresh(mode)
	case !strings.HasPrefix(path, "@"):
		return listenPath(path, mode)
	case runtime.GOOS != "linux":
		return nil, errors.Join(engine.Invalid, errors.New("this system has no abstract names"))
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	return &bound{Listener: l, endpoint: "ipc://" + path}, nil
}

// listenFresh listens at a path in a directory of its own.
func listenFresh(mode os.FileMode) (*bound, error) {
	dir, err := os.MkdirTemp("", "mittere-")
	if err != nil {
		return nil, err
	}
	b, err := listenPath(filepath.Join(dir, "socket"), mode)
	if err != nil {
		_ = os.Remove(dir)
		return nil, err
	}
	file := b.remove
	b.remove = func() {
		file()
		_ = os.Remove(dir)
	}
	if err := os.Chmod(dir, 0o711); err != nil { // who may connect the file's mode says
		b.close()
		return nil, err
	}
	return b, nil
}

// longestPath is what every system takes.
const longestPath = 103

// listenPath listens at a path, in place of a socket that nobody listens on any more.
func listenPath(path string, mode os.FileMode) (*bound, error) {
	if err := clearPath(path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: restrict(mode)}
	l, err := config.Listen(context.Background(), "unix", path)
	if errors.Is(err, syscall.EINVAL) && len(path) > longestPath {
		err = syscall.ENAMETOOLONG
	}
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := os.Chmod(path, mode); err != nil {
		_ = l.Close()
		return nil, err
	}
	own, _ := os.Lstat(path)
	return &bound{Listener: l, endpoint: "ipc://" + path, remove: func() { removeOwn(path, own) }}, nil
}

// removeOwn removes a file unless another is there now.
func removeOwn(path string, own os.FileInfo) {
	if now, err := os.Lstat(path); err == nil && os.SameFile(own, now) {
		_ = os.Remove(path)
	}
}

// The reasons why a path is not bound.
var (
	errNoSocket  = errors.New("there is a file that is no socket")
	errLivePath  = errors.New("somebody listens there")
	errUnclear   = errors.New("there is a socket, and it cannot be found out whether somebody listens")
	answerWithin = time.Second // that a socket answers if somebody listens there
)

// clearPath removes a socket on which nobody listens, as a process leaves it that was
// killed. It refuses all else that is there.
func clearPath(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return errors.Join(engine.AddressInUse, errNoSocket)
	}
	c, err := net.DialTimeout("unix", path, answerWithin)
	switch {
	case err == nil:
		_ = c.Close()
		return errors.Join(engine.AddressInUse, errLivePath)
	case errno(err) == syscall.ECONNREFUSED:
		removeOwn(path, info)
		return nil
	default:
		return errors.Join(engine.AddressInUse, errUnclear)
	}
}

package comm

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	zmq "github.com/pebbe/zmq4"
)

// Socket is what sockets of all kinds have in common. All methods may be called
// by any number of goroutines at once.
type Socket struct {
	ctx    *Context
	kind   Kind
	config config
	stats  counters

	absorb     func() bool        // takes what arrives; nil where the user receives
	withhold   func(Message) bool // says what not to send; nil where all is sent
	file       *os.File           // a copy of libzmq's event descriptor, on the netpoller
	edges      syscall.RawConn    // the same
	lead       chan struct{}      // holds a token; who takes it waits for edges
	background sync.WaitGroup     // of who waits for edges and is no caller
	idle       *time.Timer        // calls standIn; nil where that is for good
	done       chan struct{}      // closed by Close
	monitor    *Socket            // receives this socket's events; nil on a monitor

	connections connections // as the monitor tells; guarded by its lock

	mu        sync.Mutex // guards what follows and every call on z
	z         *zmq.Socket
	bound     []string
	dials     []*dial   // connections that wait for their inproc name to be bound
	lookups   []*lookup // connections to names of hosts
	receivers waitlist
	senders   waitlist
	leader    waiting     // who waits for edges, and sleeps; nil if nobody
	standing  bool        // whether a stand-in waits for edges
	deadline  bool        // whether the file has one
	late      *time.Timer // calls settleLate
	settling  bool        // whether it will
	closed    bool
}

// newSocket returns a socket at its endpoints. absorb takes a message that
// arrived, under the lock, and is false if there is none; it may be nil.
func newSocket(ctx *Context, kind Kind, endpoints string, c config, absorb func(*Socket) bool) (*Socket, error) {
	s := &Socket{ctx: ctx, kind: kind, config: c, done: make(chan struct{}), lead: make(chan struct{}, 1)}
	if absorb != nil {
		s.absorb = func() bool { return absorb(s) }
	}
	addresses, err := parseEndpoints(kind.Binds(), endpoints)
	if err != nil {
		return nil, err
	}
	if err := ctx.newSocket(s); err != nil {
		return nil, err
	}
	if err := s.start(addresses); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	for _, e := range addresses {
		ctx.redial(e)
	}
	ctx.warnOpen(s.Endpoints())
	return s, nil
}

// start makes the socket work: options, event descriptor, monitor, endpoints.
func (s *Socket) start(addresses []endpoint) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.configure(); err != nil {
		return translate("configure "+s.kind.String(), "", err)
	}
	if err := s.watch(); err != nil {
		return translate("watch "+s.kind.String(), "", err)
	}
	if s.kind != kindMonitor {
		if err := s.startMonitor(); err != nil {
			return err
		}
	}
	for _, e := range addresses {
		if err := s.attach(e); err != nil {
			return err
		}
	}
	return nil
}

// configure sets the options of libzmq that hold for all endpoints.
func (s *Socket) configure() error {
	c, z := s.config, s.z
	wrong := []error{
		z.SetLinger(c.linger),
		z.SetSndhwm(c.highWaterMark),
		z.SetRcvhwm(c.highWaterMark),
		z.SetMaxmsgsize(int64(c.maxFrameSize)),
		z.SetImmediate(c.immediate),
		s.setKeepAlive(),
	}
	if c.routingID != "" {
		wrong = append(wrong, z.SetIdentity(c.routingID))
	}
	switch s.kind.trait().zmq {
	case zmq.SUB, zmq.XSUB:
		// What these send is subscriptions. libzmq drops those that find the
		// queue full, without a word; those to a publisher that has gone are
		// nothing to wait for.
		wrong = append(wrong, z.SetSndhwm(0), z.SetLinger(0))
	case zmq.ROUTER:
		wrong = append(wrong, z.SetRouterMandatory(1))
	case zmq.XPUB:
		// libzmq itself moves what subscribers send to a queue without a bound,
		// as fast as they send it, unless it gets little at a time.
		wrong = append(wrong, z.SetXpubVerboser(1), z.SetXpubNodrop(c.overflow != Lossy), z.SetRcvhwm(1))
	}
	return errors.Join(wrong...)
}

// attach binds or connects to one endpoint.
func (s *Socket) attach(e endpoint) error {
	if host, port, named := e.name(); named {
		s.follow(e, host, port)
		return nil
	}
	op := "connect"
	if e.binds {
		op = "bind"
	}
	if err := s.z.SetIpv6(e.ipv6()); err != nil {
		return translate(op, e.String(), err)
	}
	err := withSpareDescriptor(func() error { return s.bindOrConnect(e) })
	defer s.settle()
	switch {
	case refused(err): // libzmq's words for a host that it cannot look up
		return &Error{Op: op, Reason: AddressUnavailable, Detail: e.String(), Cause: err}
	case e.binds && errnoOf(err) == zmq.Errno(syscall.ENODEV):
		return &Error{Op: op, Reason: AddressUnavailable, Detail: e.String(), Cause: errNoInterface}
	case err != nil:
		return translate(op, e.String(), err)
	case !e.binds:
		return nil
	case e.named():
		s.bound = append(s.bound, e.String())
		return nil
	default:
		return s.noteBound()
	}
}

// errNoInterface is why a name cannot be bound.
var errNoInterface = errors.New("the host is neither an address nor a network interface of this machine, and names of hosts are not looked up to bind")

// bindOrConnect is what attach asks of libzmq. The name that a monitor connects to
// was bound by libzmq itself.
func (s *Socket) bindOrConnect(e endpoint) error {
	named := e.named() && s.kind != kindMonitor
	switch {
	case named && e.binds:
		return s.ctx.names.bind(s, e.String())
	case named:
		return s.ctx.names.connect(s, e.String())
	case e.binds:
		return s.z.Bind(e.String())
	default:
		return s.z.Connect(e.String())
	}
}

// setKeepAlive has the system test tcp connections, of which a peer can vanish
// without a word.
func (s *Socket) setKeepAlive() error {
	interval, timeout := s.config.keepAliveInterval, s.config.keepAliveTimeout
	if interval == 0 {
		return s.z.SetTcpKeepalive(0)
	}
	const mostTests = 127
	seconds := int(interval / time.Second)
	tests := min(max(int(timeout/interval)-1, 1), mostTests) // after the first silent interval
	return errors.Join(s.z.SetTcpKeepalive(1), s.z.SetTcpKeepaliveIdle(seconds),
		s.z.SetTcpKeepaliveIntvl(seconds), s.z.SetTcpKeepaliveCnt(tests))
}

// noteBound remembers the endpoint that was bound last, as libzmq resolved it.
func (s *Socket) noteBound() error {
	address, err := s.z.GetLastEndpoint()
	if err != nil {
		return translate("bind", "", err)
	}
	s.bound = append(s.bound, address)
	return s.restrict(address)
}

// restrict gives the file of an ipc endpoint its mode. A name in the abstract namespace,
// which begins with @, has no file.
func (s *Socket) restrict(address string) error {
	path, ipc := strings.CutPrefix(address, "ipc://")
	if !ipc || strings.HasPrefix(path, "@") {
		return nil
	}
	if err := os.Chmod(path, s.config.ipcMode); err != nil {
		return translate("bind", address, err)
	}
	return nil
}

// withOpen calls f under the lock if the socket is open.
func (s *Socket) withOpen(op string, f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return &Error{Op: op, Reason: Closed}
	}
	return f()
}

// Bind adds endpoints to listen on, separated by commas; "tcp://host:*" takes a
// free port. It returns at the first one that fails.
func (s *Socket) Bind(endpoints string) error { return s.attachAll("bind", endpoints, true) }

// Connect adds endpoints to connect to, separated by commas. It does not wait
// for a connection: libzmq makes it, and makes it again when it breaks. Over
// inproc it is made when a socket of the same context binds the endpoint, if none
// has yet, and not again when that is closed. Until then there is no queue for
// the peer, whatever [WithImmediate] says.
func (s *Socket) Connect(endpoints string) error { return s.attachAll("connect", endpoints, false) }

// attachAll binds or connects to each endpoint of a list.
func (s *Socket) attachAll(op, endpoints string, binds bool) error {
	addresses, err := parseEndpoints(binds, endpoints)
	if err != nil {
		return err
	}
	for _, e := range addresses {
		if e.binds != binds {
			return invalid(op, fmt.Sprintf("%v: says the opposite", e))
		}
	}
	for _, e := range addresses {
		if err := s.withOpen(op, func() error { return s.attach(e) }); err != nil {
			return err
		}
		s.ctx.redial(e)
		s.ctx.warnOpen(s.Endpoints())
	}
	return nil
}

// Unbind stops listening on an endpoint, written as [Socket.Endpoints] returns
// it. Connections that were accepted there end, but for those over inproc.
func (s *Socket) Unbind(endpoint string) error { return s.detach("unbind", endpoint, s.z.Unbind) }

// Disconnect ends the connection to an endpoint, written as it was connected.
func (s *Socket) Disconnect(endpoint string) error {
	return s.detach("disconnect", endpoint, s.z.Disconnect)
}

// detach ends what was bound or connected at an endpoint: libzmq does not tell
// the two apart.
func (s *Socket) detach(op, endpoint string, do func(string) error) error {
	return s.withOpen(op, func() error {
		defer s.settle()
		told, known := s.unfollow(endpoint)
		err := withSpareDescriptor(func() error {
			if known {
				return s.disconnectAll(told, do)
			}
			if strings.HasPrefix(endpoint, inproc+"://") {
				return s.ctx.names.detach(s, endpoint, do)
			}
			return do(endpoint)
		})
		if err != nil {
			return translate(op, endpoint, err)
		}
		s.endConnections(endpoint)
		s.bound = slices.DeleteFunc(s.bound, func(b string) bool { return b == endpoint })
		return nil
	})
}

// disconnectAll disconnects from what libzmq was told for a name.
func (s *Socket) disconnectAll(told []string, do func(string) error) error {
	var wrong []error
	for _, endpoint := range told {
		wrong = append(wrong, do(endpoint))
		s.endConnections(endpoint)
	}
	return errors.Join(wrong...)
}

// BindPort listens on a port that was acquired before. On success the port is
// the socket's; on failure it is still the caller's.
func (s *Socket) BindPort(p *Port) error {
	err := s.withOpen("bind", func() error {
		defer s.settle()
		if err := p.give(s.z); err != nil {
			return translate("bind", p.Endpoint(), err)
		}
		return s.noteBound()
	})
	if err == nil {
		s.ctx.warnOpen(s.Endpoints())
	}
	return err
}

// Endpoints returns what the socket is bound to, in order, with real ports in
// place of "*". Peers can connect to these.
func (s *Socket) Endpoints() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bound)
}

// Kind returns the socket's kind.
func (s *Socket) Kind() Kind { return s.kind }

// String returns the kind and the bound endpoints, for logs.
func (s *Socket) String() string { return fmt.Sprintf("%v%v", s.kind, s.Endpoints()) }

// MaxFrameSize returns how many bytes a frame may have; see [WithMaxFrameSize].
func (s *Socket) MaxFrameSize() int { return s.config.maxFrameSize }

// Close ends the socket. Waiting calls return an error that is net.ErrClosed.
// What was sent is still delivered for the linger time, while the context is
// open or closing. Closing again does nothing.
func (s *Socket) Close() error {
	first, err := s.shut()
	if !first {
		return err
	}
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
		s.background.Wait()
	}
	if s.monitor != nil {
		err = errors.Join(err, s.monitor.Close())
	}
	s.ctx.forget(s)
	return err
}

// shut closes the socket of libzmq and sends everybody away.
func (s *Socket) shut() (first bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, nil
	}
	s.closed = true
	close(s.done)
	s.ctx.names.leave(s)
	for _, l := range s.lookups {
		l.end()
	}
	if s.monitor != nil {
		err = s.z.Monitor("", 0)
	}
	err = translate("close "+s.kind.String(), "", errors.Join(err, s.z.Close()))
	s.wakeAll(&s.receivers)
	s.wakeAll(&s.senders)
	if s.late != nil {
		s.late.Stop()
	}
	if s.idle != nil {
		s.idle.Stop()
	}
	return true, err
}

// withSpareDescriptor calls f if the process has a descriptor left. libzmq needs
// one to look up an address, and ends the process if there is none.
func withSpareDescriptor(f func() error) error {
	spare, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	_ = syscall.Close(spare) // f needs it
	return f()
}

// duplicate returns a copy of a descriptor that no child process inherits: the
// lock keeps a fork from happening between the two calls.
func duplicate(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	copied, err := syscall.Dup(fd)
	if err != nil {
		return -1, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(copied)
	return copied, nil
}

// newPlain returns a socket whose user receives what arrives.
func newPlain[O PublisherOption](ctx *Context, kind Kind, endpoints string, options []O) (*Socket, error) {
	c, err := newConfig(kind, options)
	if err != nil {
		return nil, err
	}
	return newSocket(ctx, kind, endpoints, c, nil)
}

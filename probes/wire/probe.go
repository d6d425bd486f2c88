package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"netlab/probes"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// A Config says what to capture, and into what.
type Config struct {
	// Places are the namespaces, each with the ports to capture on.
	Places []probes.Place
	// Memory bounds all that is kept in memory, in bytes, 256 MiB if 0: three
	// quarters for the rings, which are kernel memory that is taken at once,
	// and the rest for what the disk is behind.
	Memory int
	// Ring is the most that one ring takes, 16 MiB if 0: enough for 10,000
	// full frames that wait while the reader does not get a processor. Each
	// MiB takes 50 µs to clear.
	Ring int
	// Capture is written as pcapng; nil for none. It stays the caller's to
	// close. If it has a method Name, as an os.File does, errors give it.
	Capture io.Writer
	// MaxBytes bounds Capture; 0 for no bound. Reaching it is an error.
	MaxBytes int64
	// Snaplen is how many bytes of a frame are kept; 0 for all. Less than 256
	// counts as 256, so that headers are whole.
	Snaplen int
}

// A Probe captures from Open on. One goroutine may call Run, once.
type Probe struct {
	rings   []*ring
	poller  *poller
	clock   *wallClock
	first   probes.Clock // the comparison made by Open
	capture *capture
	queue   *queue
	ready   chan struct{}
	drained chan struct{}
	err     error // of capturing; read after drained
	closed  sync.Once
	// patience bounds how long frames are held for a ring that may bring
	// older ones: many times what a block takes to be handed over.
	patience time.Duration
}

// atOnce is how many rings are made or closed at a time. The kernel keeps
// each waiting for grace periods of RCU, some 10 ms to make and 30 ms to
// close it; callers that wait at the same time wait for the same ones.
const atOnce = 64

// Open makes a socket and a ring in each place. From its return on no frame
// is missed: what comes before Run waits in the rings. The error is
// ErrUnavailable if this user or this kernel cannot capture packets. The
// caller calls Run or Close.
//
// A ring takes 10 ms to make, most of it waiting. The interfaces need not be
// there yet: Open may run beside what makes them. Then nothing is missed
// from their birth on.
func Open(cfg Config) (*Probe, error) {
	shapes, rest, err := geometries(cfg.Places, cfg.Memory, cfg.Ring)
	if err != nil {
		return nil, err
	}
	p := &Probe{
		clock: newWallClock(), rings: make([]*ring, len(cfg.Places)),
		ready: make(chan struct{}), drained: make(chan struct{}),
	}
	p.first = p.clock.current().clock
	for i, place := range cfg.Places {
		p.rings[i] = newRing(place, i)
		p.patience = 5*shapes[i].retire + 20*time.Millisecond
	}
	p.queue = newQueue(cfg.Capture, cfg.MaxBytes, rest)
	if err := p.open(cfg, shapes); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	close(p.ready)
	return p, nil
}

// open makes what must be released.
func (p *Probe) open(cfg Config, shapes []geometry) (err error) {
	if p.poller, err = newPoller(); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	snap := maxSnaplen
	if cfg.Snaplen > 0 {
		snap = min(max(cfg.Snaplen, minSnaplen), maxSnaplen)
	}
	if p.capture, err = newCapture(p.queue, snap, p.rings); err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, r := range p.rings {
		group.Go(func() error {
			if err := r.start(shapes[i], snap); err != nil {
				return unavailable(r.place.Node, err)
			}
			return p.poller.add(r.fd, r.id)
		})
	}
	return group.Wait()
}

// unavailable explains the errors that mean that it cannot be had here.
func unavailable(node string, err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("capture in %s: %w", node, err)
	}
	remedy := ""
	switch errno {
	case unix.EPERM, unix.EACCES:
		remedy = "run as root, or where user namespaces are allowed; packet sockets need CAP_NET_RAW in the node"
	case unix.EAFNOSUPPORT, unix.ENOPROTOOPT, unix.EINVAL, unix.EPROTONOSUPPORT:
		remedy = "use a kernel with packet sockets and TPACKET_V3 (CONFIG_PACKET, Linux 3.2)"
	case unix.ENOMEM, unix.ENOBUFS:
		remedy = "free memory, or give the capture less"
	default:
		return fmt.Errorf("capture in %s: %w", node, err)
	}
	name := unix.ErrnoName(errno)
	return &probes.Unavailable{Source: probes.Wire, Reason: fmt.Sprintf("capture in %s: %v (%s)", node, err, name), Remedy: remedy}
}

// Ready is closed from the start: Open returns when nothing will be missed.
func (p *Probe) Ready() <-chan struct{} { return p.ready }

// Source returns probes.Wire.
func (p *Probe) Source() probes.Source { return probes.Wire }

// Drained is closed when Run has emitted its last event and the capture file
// is whole: what a run is judged by is there. Releasing the rings takes Run
// some 30 ms more.
func (p *Probe) Drained() <-chan struct{} { return p.drained }

// Err returns, once Drained is closed, the error that Run will return, but
// for those of releasing the rings.
func (p *Probe) Err() error { return p.err }

// Close releases everything. Run does so itself; Close is for a probe that
// never runs, and does nothing the second time.
func (p *Probe) Close() (err error) {
	p.closed.Do(func() {
		err = p.queue.close()
		var group errgroup.Group
		group.SetLimit(atOnce)
		for _, r := range p.rings {
			group.Go(r.close)
		}
		err = errors.Join(err, group.Wait())
		if p.poller != nil {
			err = errors.Join(err, p.poller.close())
		}
	})
	return err
}

// Run emits segments, comparisons of the clocks and losses until ctx ends,
// then what the rings still hold, then the final count of losses, and
// releases everything. All events come from one goroutine, segments in the
// order of their time, but for rings under pressure. An error says that the
// capture file is not complete, naming it, or that the kernel refused
// something; events are emitted all the same.
func (p *Probe) Run(ctx context.Context, emit func(probes.Event)) error {
	woken := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(woken)
		p.poller.wake()
	})
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and the thread ends with the goroutine
		prefer()
		done <- newLoop(p, emit).run(ctx)
	}()
	err := <-done
	if !cancel() {
		<-woken
	}
	err = errors.Join(err, p.capture.finish(p.rings), p.queue.close())
	p.err = err
	close(p.drained)
	return errors.Join(err, p.Close())
}

// prefer asks that the calling thread be scheduled before others: a reader
// that waits its turn behind the programs that send loses what they send.
// Where it is refused (it needs CAP_SYS_NICE), the ring's size must do.
func prefer() { _ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -15) }

var _ probes.Probe = (*Probe)(nil)

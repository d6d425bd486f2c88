package watch

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"netlab/probes"
	"netlab/probes/bpf"
	"netlab/probes/clock"
	"netlab/probes/sockdiag"
)

// A Config says what to watch.
type Config struct {
	Scopes []Scope
	// More is asked now and then for namespaces that are new, and for the inodes
	// of those that have gone; nil for none.
	More func() (fresh []Scope, gone []uint64, err error)
	// Tracer tells kernel events; nil to look at the kernel's tables instead.
	Tracer *bpf.Tracer
	New    bool // do not list what is there already
	// Emit is called for every line, one at a time.
	Emit func(Line)
}

// How often is looked for what nobody announces.
const (
	tickEvery   = 20 * time.Millisecond // for lines that wait for a port
	sampleEvery = 20 * time.Millisecond // at the kernel's tables, without kernel events
	moreEvery   = time.Second           // for new namespaces
	queued      = 4096                  // events on their way to the follower
)

// A watched is a namespace as long as it is watched.
type watched struct {
	Scope
	cancel context.CancelFunc
	ended  <-chan struct{} // closed when its probe has ended; nil if it has none
}

// Run watches until ctx ends. The namespaces are closed then.
func Run(ctx context.Context, config Config) error {
	w := &watcher{Config: config, events: make(chan probes.Event, queued), known: NewFollower(), looks: map[uint64]*sockdiag.Probe{}, scopes: map[uint64]*watched{}}
	return w.run(ctx)
}

// A watcher is a run of Run.
type watcher struct {
	Config
	events chan probes.Event
	known  *Follower
	lines  []Line // that are to be emitted
	probes sync.WaitGroup
	live   atomic.Int32               // probes that run
	looks  map[uint64]*sockdiag.Probe // by cookie of the namespace
	scopes map[uint64]*watched        // by inode

	mu   sync.Mutex
	errs []error
}

func (w *watcher) run(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, s := range w.Scopes {
		w.add(inner, s)
	}
	tick, more := time.NewTicker(tickEvery), time.NewTicker(moreEvery)
	defer tick.Stop()
	defer more.Stop()
	ended := make(chan struct{})
	for done := inner.Done(); ; {
		select {
		case e := <-w.events:
			w.keep(w.known.Take(e))
		case <-tick.C:
			w.keep(w.known.Tick(clock.Now(), w.finder(ctx)))
			w.flush()
			if w.live.Load() == 0 && w.More == nil {
				cancel() // all failed, as they said
			}
		case <-more.C:
			w.addMore(inner)
		case <-done:
			done = nil
			cancel()
			go func() { w.probes.Wait(); close(ended) }() // they still emit
		case <-ended:
			return w.finish()
		}
	}
}

// finish takes in what is left.
func (w *watcher) finish() error {
	for len(w.events) > 0 {
		w.keep(w.known.Take(<-w.events))
	}
	w.keep(w.known.Tick(clock.Now()+2*patience, nil))
	w.flush()
	for _, s := range w.scopes {
		w.close(s)
	}
	return errors.Join(w.errs...)
}

// keep takes lines until they are emitted. Some have waited for what they say,
// and each processor tells of its own: in between they are put in order.
func (w *watcher) keep(lines []Line) { w.lines = append(w.lines, lines...) }

// flush emits what was kept, in the order of time.
func (w *watcher) flush() {
	slices.SortStableFunc(w.lines, func(x, y Line) int { return cmp.Compare(x.Time, y.Time) })
	for _, l := range w.lines {
		w.Emit(l)
	}
	w.lines = nil
}

// addMore begins to watch namespaces that are new, and lets go of those that
// have gone: as long as they are open, they live on.
func (w *watcher) addMore(ctx context.Context) {
	if w.More == nil || ctx.Err() != nil {
		return
	}
	fresh, gone, err := w.More()
	w.failed(err)
	for _, inode := range gone {
		if s := w.scopes[inode]; s != nil {
			s.cancel()
			w.await(s.ended, nil)
			w.close(s)
			delete(w.scopes, inode)
		}
	}
	for _, s := range fresh {
		w.add(ctx, s)
	}
}

// close gives back what belongs to a namespace whose probe has ended.
func (w *watcher) close(s *watched) {
	s.cancel()
	cookie := s.NS.Cookie()
	if look := w.looks[cookie]; look != nil {
		w.failed(look.Close())
		delete(w.looks, cookie)
	}
	w.failed(s.NS.Close())
}

// await waits until one of the channels is closed; who emits does not wait for
// us meanwhile. A nil channel is none.
func (w *watcher) await(a, b <-chan struct{}) {
	if a == nil && b == nil {
		return
	}
	for {
		select {
		case <-a:
			return
		case <-b:
			return
		case e := <-w.events:
			w.keep(w.known.Take(e))
		}
	}
}

// add begins to watch a namespace.
func (w *watcher) add(ctx context.Context, scope Scope) {
	ctx, cancel := context.WithCancel(ctx)
	s := &watched{Scope: scope, cancel: cancel}
	w.scopes[s.Inode] = s
	w.known.Name(s.NS.Cookie(), s.Name)
	place := probes.Place{Node: s.Name, Cookie: s.NS.Cookie(), NS: s.NS}
	look, err := sockdiag.New(sockdiag.Config{Places: []probes.Place{place}, Every: sampleEvery})
	if err != nil {
		w.keep(w.known.Take(lost(probes.SockDiag, s.Name, err)))
	}
	if w.Tracer == nil {
		if look != nil {
			s.ended = w.follow(ctx, look, s.Name)
		}
		return
	}
	p := w.Tracer.Probe([]probes.NodeInfo{{Name: s.Name, Cookie: s.NS.Cookie()}})
	s.ended = w.follow(ctx, p, s.Name)
	w.await(p.Ready(), s.ended)
	if look != nil {
		w.looks[s.NS.Cookie()] = look
		w.list(ctx, look, s.Name)
	}
}

// follow runs a probe of a namespace. The channel is closed when that has
// ended; that it failed is told at once.
func (w *watcher) follow(ctx context.Context, p probes.Probe, scope string) <-chan struct{} {
	ended := make(chan struct{})
	w.live.Add(1)
	w.probes.Go(func() {
		defer close(ended)
		defer w.live.Add(-1)
		if err := p.Run(ctx, func(e probes.Event) { w.events <- e }); err != nil {
			w.events <- lost(p.Source(), scope, err)
			w.failed(err)
		}
	})
	return ended
}

// lost says that nothing more is seen of a namespace, or not all.
func lost(source probes.Source, scope string, err error) probes.Event {
	return probes.Event{Time: clock.Now(), Source: source, Kind: probes.KindLoss, Node: scope, Loss: &probes.Loss{What: err.Error(), Count: 1}}
}

// list tells what is there already.
func (w *watcher) list(ctx context.Context, look *sockdiag.Probe, scope string) {
	sockets, err := look.Snapshot(ctx)
	if err != nil && ctx.Err() == nil {
		w.keep(w.known.Take(lost(probes.SockDiag, scope, err)))
	}
	for _, s := range sockets {
		lines := w.known.Take(probes.Event{
			Time: clock.Now(), Source: probes.SockDiag, Kind: probes.KindSample, Grade: probes.Sampled,
			Node: s.Node, Sock: s.ID, Flow: s.Flow, New: s.State, Sample: &s.Sample,
		})
		if !w.New {
			w.keep(lines)
		}
	}
}

// finder returns what finds a socket's addresses in the kernel's table, by one
// look at each namespace.
func (w *watcher) finder(ctx context.Context) func(probes.SocketID) probes.Flow {
	listed := make(map[uint64]map[probes.SocketID]probes.Flow)
	return func(id probes.SocketID) probes.Flow {
		flows, looked := listed[id.NetNS]
		if look := w.looks[id.NetNS]; !looked && look != nil {
			flows = make(map[probes.SocketID]probes.Flow)
			sockets, _ := look.Snapshot(ctx) // what it does not list keeps what is known
			for _, s := range sockets {
				flows[s.ID] = s.Flow
			}
			listed[id.NetNS] = flows
		}
		return flows[id]
	}
}

func (w *watcher) failed(err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

// inodeOf returns the inode of a file.
func inodeOf(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

package watch

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
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
	// More is asked now and then for namespaces that are new; nil for none.
	More func() ([]Scope, error)
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

// Run watches until ctx ends. The namespaces are closed then.
func Run(ctx context.Context, config Config) error {
	w := &watcher{Config: config, events: make(chan probes.Event, queued), known: NewFollower(), looks: map[uint64]*sockdiag.Probe{}}
	return w.run(ctx)
}

// A watcher is a run of Run.
type watcher struct {
	Config
	events chan probes.Event
	known  *Follower
	lines  []Line // that are to be emitted
	probes sync.WaitGroup
	looks  map[uint64]*sockdiag.Probe // by cookie of the namespace

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
	for done := ctx.Done(); ; {
		select {
		case e := <-w.events:
			w.keep(w.known.Take(e))
		case <-tick.C:
			w.keep(w.known.Tick(clock.Now(), w.find))
			w.flush()
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
	for _, p := range w.looks {
		w.errs = append(w.errs, p.Close())
	}
	for _, s := range w.Scopes {
		w.errs = append(w.errs, s.NS.Close())
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

// addMore begins to watch namespaces that are new.
func (w *watcher) addMore(ctx context.Context) {
	if w.More == nil || ctx.Err() != nil {
		return
	}
	scopes, err := w.More()
	w.failed(err)
	for _, s := range scopes {
		w.Scopes = append(w.Scopes, s)
		w.add(ctx, s)
	}
}

// add begins to watch a namespace.
func (w *watcher) add(ctx context.Context, s Scope) {
	w.known.Name(s.NS.Cookie(), s.Name)
	place := probes.Place{Node: s.Name, Cookie: s.NS.Cookie(), NS: s.NS}
	look, err := sockdiag.New(sockdiag.Config{Places: []probes.Place{place}, Every: sampleEvery})
	if err != nil {
		w.failed(err)
	}
	if w.Tracer == nil {
		if look != nil {
			w.follow(ctx, look)
		}
		return
	}
	p := w.Tracer.Probe([]probes.NodeInfo{{Name: s.Name, Cookie: s.NS.Cookie()}})
	ended := w.follow(ctx, p)
	select {
	case <-p.Ready():
	case <-ended:
	}
	if look != nil {
		w.looks[s.NS.Cookie()] = look
		w.list(ctx, look)
	}
}

// follow runs a probe. The channel is closed when that has ended.
func (w *watcher) follow(ctx context.Context, p probes.Probe) <-chan struct{} {
	ended := make(chan struct{})
	w.probes.Go(func() {
		defer close(ended)
		w.failed(p.Run(ctx, func(e probes.Event) { w.events <- e }))
	})
	return ended
}

// list tells what is there already.
func (w *watcher) list(ctx context.Context, look *sockdiag.Probe) {
	sockets, err := look.Snapshot(ctx)
	if err != nil && ctx.Err() == nil {
		w.failed(err)
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

// find looks for a socket's addresses in the kernel's table.
func (w *watcher) find(id probes.SocketID) probes.Flow {
	look := w.looks[id.NetNS]
	if look == nil {
		return probes.Flow{}
	}
	sockets, _ := look.Snapshot(context.Background())
	for _, s := range sockets {
		if s.ID == id {
			return s.Flow
		}
	}
	return probes.Flow{}
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

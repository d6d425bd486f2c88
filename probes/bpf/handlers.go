package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// The programs on timers have to know those of mini-sockets by the functions
// that they call. /proc/kallsyms lists these, to whoever has CAP_SYSLOG, and
// takes 50 ms. Instead the programs learn them in the self-check, which makes
// mini-sockets of which they know the namespace.

// bss is the name of the map of variables in the object.
const bss = ".bss"

// handlers is the variable of that name in tcp.bpf.c.
type handlers struct {
	Learning uint64 // cookie of the namespace to learn from, 0 for none
	TimeWait uint64 // addresses of functions, 0 while not known
	Request  uint64
}

// errNotLearned says why there are no lives before a self-check, and after
// one that no mini-sockets were made in.
var errNotLearned = errors.New("the timers of mini-sockets are not known: no self-check has shown them")

// newHandlers makes the map.
func newHandlers(spec *ebpf.CollectionSpec) (*ebpf.Map, error) {
	s := spec.Maps[bss].Copy()
	s.Key, s.Value, s.Name = nil, nil, "handlers"
	m, err := ebpf.NewMap(s)
	if err != nil {
		return nil, refused("BPF_MAP_CREATE", "handlers", err)
	}
	return m, nil
}

// learn has the programs learn from a namespace while do is running, unless
// they have.
func (t *Tracer) learn(netns uint64, do func() error) error {
	if t.learned {
		return do()
	}
	if err := t.handlers.Put(uint32(0), handlers{Learning: netns}); err != nil {
		return fmt.Errorf("begin to learn the timers of mini-sockets: %w", err)
	}
	err := do()
	var h handlers
	if err := errors.Join(err, t.handlers.Lookup(uint32(0), &h)); err != nil {
		return err
	}
	h.Learning = 0
	t.learned = h.TimeWait != 0 && h.Request != 0
	if err := t.handlers.Put(uint32(0), h); err != nil {
		return fmt.Errorf("end to learn the timers of mini-sockets: %w", err)
	}
	return nil
}

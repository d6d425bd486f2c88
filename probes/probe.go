package probes

import (
	"context"
	"errors"
)

// A Probe is one observer at work.
type Probe interface {
	// Run observes until ctx ends, then drains what the kernel still holds,
	// emits it, releases everything and returns nil. Losses are events, not
	// errors. emit may be called from several goroutines at once but never
	// after Run has returned.
	Run(ctx context.Context, emit func(Event)) error
	// Ready is closed once nothing that the probe can see will be missed.
	Ready() <-chan struct{}
	// Source names the probe in its events.
	Source() Source
}

// A Namespace runs short functions inside a network namespace. Sockets made
// by fn belong to it for life. fn must not start goroutines: they would run
// outside.
type Namespace interface {
	Do(fn func() error) error
}

// A Place is a node as a probe sees it: where to look, and what to call it.
type Place struct {
	Node     string    // the scenario's name
	Cookie   uint64    // of the network namespace
	NS       Namespace // where sockets of the probe are made
	Ports    []Port    // its link ends
	Forwards bool      // a switch or a router: what passes is mostly not its own
}

// A Port is one end of a link, inside a Place.
type Port struct {
	Link    string // the scenario's name of the link
	Ifindex int
	Name    string // of the interface
	MTU     int
}

// ErrUnavailable is in the chain of every error that says that this machine,
// or this user, cannot have a probe. The run goes on without it.
var ErrUnavailable = errors.New("not available here")

// An Unavailable explains why a probe cannot be had.
type Unavailable struct {
	Source Source
	Reason string // what was refused, with the errno's name
	Remedy string // what the user can do; empty if nothing
}

// Error returns the source and the reason.
func (u *Unavailable) Error() string { return string(u.Source) + ": " + u.Reason }

// Is makes errors.Is(err, ErrUnavailable) true.
func (u *Unavailable) Is(target error) bool { return target == ErrUnavailable }

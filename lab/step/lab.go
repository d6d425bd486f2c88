package step

import (
	"context"
	"errors"
	"time"

	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// A Lab is what is stepped. Its methods are safe for concurrent use.
type Lab interface {
	// View returns what there is to see now, when what was let on has had
	// its effect.
	View(ctx context.Context) (View, error)
	// Wait returns when something has changed since the view with that
	// number, or ctx ends.
	Wait(ctx context.Context, seen uint64) error

	// Pass, Drop and Duplicate end the waiting of a frame: it goes on, is
	// lost, or goes on twice.
	Pass(ctx context.Context, f gate.Frame) error
	Drop(ctx context.Context, f gate.Frame) error
	Duplicate(ctx context.Context, f gate.Frame) error
}

// A View is what there is to see of a lab at a moment. It is not altered once
// it was handed out.
type View struct {
	Number   uint64             // the views of a lab are numbered; one that differs has a higher number
	Waiting  []gate.Frame       // in the order of their coming, over all links
	Sockets  []Socket           // of all nodes
	Timeline *timeline.Timeline // of what was recorded so far; nil if that cannot be said yet
	Doing    string             // the step of the scenario under way: "steps[3] ftp.quit"
	Awaits   words.Message      // what that waits for, as a sentence without an end, if it is no segment of its own
	Kept     []string           // rules whose frames the scenario will let go by itself
	Done     bool               // the scenario has ended; nothing more will come
	Err      error              // why the scenario cannot go on
}

// A Socket is what a node's kernel said of a socket: see [probes.Sample].
type Socket struct {
	Node    string
	Flow    probes.Flow // Local is the node's
	State   probes.State
	Object  probes.Object
	RQueue  uint32 // bytes not read; of a listener, connections not accepted
	WQueue  uint32 // bytes not acknowledged; of a listener, its backlog
	Timer   string // on, keepalive, timewait, persist
	Expires int    // milliseconds until the timer fires
}

// Options say how a lab is stepped. The zero Options are English.
type Options struct {
	Lang  words.Lang
	Title string // the scenario's name and title

	// Predict says in lines of text what RFC 9293 says happens when a frame
	// that waits goes on; nil to say nothing of it.
	Predict func(View, gate.Frame) []string

	// Times lets scripts print what differs from run to run: times, raw
	// numbers, ports that the kernel chose. The screen always shows it.
	Times bool
	// Limit bounds how long a line of a script waits for what it wants;
	// 10 seconds if 0.
	Limit time.Duration
	// Plain leaves out all attributes of text, as NO_COLOR asks for.
	Plain bool
}

// ErrInterrupted is what [Play] returns when the user asks to end at once,
// with control-C.
var ErrInterrupted = errors.New("interrupted at the keyboard")

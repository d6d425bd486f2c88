package socket

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// A Behaviour is what a plain server does.
type Behaviour string

// The behaviours. The zero value is read as Echo.
const (
	Echo     Behaviour = "echo"   // sends back what comes, as it comes
	Sink     Behaviour = "sink"   // reads and drops it
	Silent   Behaviour = "silent" // reads nothing, sends nothing
	Scripted Behaviour = "script" // follows the script
)

// A ServerSpec says what a plain server is like.
type ServerSpec struct {
	Port   int
	Does   Behaviour
	Script []string       // of Scripted
	Close  workload.Close // of connections
}

// script checks the spec and returns its script.
func (s ServerSpec) script() ([]scriptLine, error) {
	switch s.Does {
	case "", Echo, Sink, Silent:
		if len(s.Script) > 0 {
			return nil, fmt.Errorf("a server that does %q has a script", s.Does)
		}
	case Scripted:
	default:
		return nil, fmt.Errorf("behaviour %q is none of echo, sink, silent, script", s.Does)
	}
	if s.Port < 0 || s.Port > 65535 {
		return nil, fmt.Errorf("port %d is out of range", s.Port)
	}
	if err := s.Close.Validate(); err != nil {
		return nil, err
	}
	return parseScript(s.Script)
}

// ServerOptions are what a server needs beside its spec.
type ServerOptions struct {
	Calls  *calls.Caller // makes and records the sockets of TCP
	Log    slog.Handler  // nil: nothing is logged
	Listen string        // "host:port" in place of the spec's port at all addresses
}

func (o ServerOptions) logger() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(o.Log)
}

func (o ServerOptions) address(port int) string {
	if o.Listen != "" {
		return o.Listen
	}
	return net.JoinHostPort("", strconv.Itoa(port))
}

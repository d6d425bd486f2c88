package socket_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/socket"
)

// An operation is one that waits.
type operation func(context.Context) error

// Whatever waits ends when the step's time is over, and when the session is
// closed.
func TestBreakingOff(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, w *witness) (operation, func() error)
		timeout string // what the operation says when its time is over
		closed  string // when it is closed under it
		calls   [2]string
	}{
		{"connect", func(t *testing.T, w *witness) (operation, func() error) {
			c, addr := stuckConnect(t, w)
			return func(ctx context.Context) error { return c.Connect(ctx, addr) },
				func() error { return c.Close(t.Context(), workload.Close{}) }
		}, "connect to ADDR: no answer within 20ms", "connect to ADDR: EBADF (use of closed network connection)",
			[2]string{"connect EINPROGRESS", "connect EBADF"}},
		{"accept", func(t *testing.T, w *witness) (operation, func() error) {
			l, _ := listenTCP(t, w, 1, socket.Options{})
			return func(ctx context.Context) error {
				_, err := l.Accept(ctx, w.Caller("acceptor"), socket.Options{})
				return err
			}, func() error { return l.Close(t.Context(), workload.Close{}) }
		}, "accept: no answer within 20ms", "accept: EBADF (use of closed network connection)",
			[2]string{"accept EAGAIN", "accept EBADF"}},
		{"send", func(t *testing.T, w *witness) (operation, func() error) {
			c, _ := joined(t, w, socket.Options{})
			return func(ctx context.Context) error { _, err := c.Send(ctx, workload.Generated(1<<30)); return err },
				func() error { return c.Close(t.Context(), workload.Close{}) }
		}, "send: no answer within 20ms", "send: EBADF (use of closed network connection)",
			[2]string{"send EAGAIN", "send EBADF"}},
		{"send more", func(t *testing.T, w *witness) (operation, func() error) {
			c, _ := joined(t, w, socket.Options{})
			return func(ctx context.Context) error { _, err := c.SendMore(ctx, workload.Generated(1<<30)); return err },
				func() error { return c.Close(t.Context(), workload.Close{}) }
		}, "send: no answer within 20ms", "send: EBADF (use of closed network connection)",
			[2]string{"send MSG_MORE EAGAIN", "send MSG_MORE EBADF"}},
		{"receive line", receiving((*socket.TCPClient).ReceiveLine),
			"receive: no answer within 20ms", "receive: EBADF (use of closed network connection)", [2]string{"receive EAGAIN", "receive EBADF"}},
		{"receive all", receiving((*socket.TCPClient).ReceiveAll),
			"receive: no answer within 20ms", "receive: EBADF (use of closed network connection)", [2]string{"receive EAGAIN", "receive EBADF"}},
		{"peek", receiving(func(c *socket.TCPClient, ctx context.Context) (socket.Result, error) { return c.Peek(ctx, 3) }),
			"receive: no answer within 20ms", "receive: EBADF (use of closed network connection)",
			[2]string{"receive MSG_PEEK EAGAIN", "receive MSG_PEEK EBADF"}},
	}
	for _, tt := range tests {
		says := func(t *testing.T, err error, want string) {
			t.Helper()
			text := fmt.Sprint(err)
			if before, rest, ok := strings.Cut(text, "connect to "); ok { // the port is the kernel's choice
				_, rest, _ = strings.Cut(rest, ": ")
				text = before + "connect to ADDR: " + rest
			}
			if text != want {
				t.Errorf("%s, want %s", text, want)
			}
		}
		recorded := func(t *testing.T, w *witness, call string) {
			t.Helper()
			for _, e := range w.Events() {
				if strings.Join(strings.Fields(e.Call.Name+" "+e.Call.Args+" "+e.Call.Errno), " ") == call {
					return
				}
			}
			t.Errorf("no call %q was recorded", call)
		}
		t.Run(tt.name+" for too long", func(t *testing.T) {
			w := &witness{}
			op, _ := tt.prepare(t, w)
			says(t, op(within(t, 20*time.Millisecond)), tt.timeout)
			recorded(t, w, tt.calls[0])
		})
		t.Run(tt.name+" until it is closed", func(t *testing.T) {
			w := &witness{}
			op, stop := tt.prepare(t, w)
			done := make(chan error, 1)
			go func() { done <- op(t.Context()) }()
			time.Sleep(10 * time.Millisecond) // nothing tells that a call has come to wait
			if err := stop(); err != nil {
				t.Error(err)
			}
			says(t, <-done, tt.closed)
			recorded(t, w, tt.calls[1])
			if err := stop(); fmt.Sprint(err) != "close: it was closed before" {
				t.Errorf("closed again: %v", err)
			}
		})
	}
}

// receiving prepares a receive of what nobody sends.
func receiving(op func(*socket.TCPClient, context.Context) (socket.Result, error)) func(*testing.T, *witness) (operation, func() error) {
	return func(t *testing.T, w *witness) (operation, func() error) {
		c, _ := joined(t, w, socket.Options{})
		return func(ctx context.Context) error { _, err := op(c, ctx); return err },
			func() error { return c.Close(t.Context(), workload.Close{}) }
	}
}

// stuckConnect makes a socket whose connect will not be answered: the queue of
// the listener is full.
func stuckConnect(t *testing.T, w *witness) (*socket.TCPClient, netip.AddrPort) {
	t.Helper()
	_, addr := listenTCP(t, w, 0, socket.Options{})
	first, err := socket.DialTCP(t.Context(), w.Caller("first"), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { first.Close(context.Background(), workload.Close{}) })
	c, err := socket.NewTCP(w.Caller("stuck"), addr.Addr(), socket.Dial{})
	if err != nil {
		t.Fatal(err)
	}
	return c, addr
}

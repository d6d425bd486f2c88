package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"

	"netlab/probes"
	"netlab/probes/wire"

	"golang.org/x/sys/unix"
)

// envelope is what travels between the processes of a lab: a request, its
// reply, or (with Call 0) events.
type envelope struct {
	Call    uint64          `json:"call,omitempty"` // joins reply and request
	Do      string          `json:"do,omitempty"`   // of a request
	Body    json.RawMessage `json:"body,omitempty"`
	Error   string          `json:"error,omitempty"`   // of a reply
	Refused string          `json:"refused,omitempty"` // of a reply: what the machine does not allow
	Full    bool            `json:"full,omitempty"`    // of a reply: the capture reached its limit
	Events  []probes.Event  `json:"events,omitempty"`
}

// A Client asks the process at the other end of a Conn to do things.
type Client struct {
	conn *Conn
	name string // of the process, for errors
	emit func(probes.Event)

	mu      sync.Mutex
	next    uint64
	pending map[uint64]pendingCall
	ended   error         // why no more replies will come
	onEnd   func(error)   // told when that is so; may be nil
	done    chan struct{} // closed when the receiver has ended
}

// A pendingCall is one that was not answered yet.
type pendingCall struct {
	do    string
	reply chan reply // has room for it
}

type reply struct {
	body  json.RawMessage
	files []*os.File
	err   error
}

// ErrGone is in the chain of errors that say that a process of the lab ended.
var ErrGone = errors.New("process of the lab is gone")

// ErrCaptureFull is in the chain of errors that say that the capture file
// reached the limit that UpRequest sets.
var ErrCaptureFull = errors.New("capture is full")

// A Told error is what a process of the lab said when it could not do what it
// was asked to.
type Told struct {
	By   string // agent of node "server"
	Text string
}

// Error returns the text and who said it.
func (e *Told) Error() string { return e.By + ": " + e.Text }

// NewClient starts to receive on conn, which it takes over; events go to
// emit. Close ends it.
func NewClient(conn *Conn, name string, emit func(probes.Event)) *Client {
	c := &Client{conn: conn, name: name, emit: emit, pending: map[uint64]pendingCall{}, done: make(chan struct{})}
	go c.receive()
	return c
}

// Close ends the connection and waits for the receiver.
func (c *Client) Close() error {
	err := c.conn.Close()
	<-c.done
	return err
}

// Done is closed when the other process can answer no more.
func (c *Client) Done() <-chan struct{} { return c.done }

// OnEnd has f told, once, why the other process can answer no more; at once
// if that is so already. The last f counts. It must not wait for the client.
func (c *Client) OnEnd(f func(error)) {
	c.mu.Lock()
	ended := c.ended
	c.onEnd = f
	c.mu.Unlock()
	if ended != nil {
		f(ended)
	}
}

// receive hands out replies and events until the connection ends.
func (c *Client) receive() {
	defer close(c.done)
	for {
		var m envelope
		files, err := c.conn.Receive(&m)
		if err != nil {
			c.fail(err)
			return
		}
		for _, e := range m.Events {
			c.emit(e)
		}
		if m.Call == 0 {
			continue
		}
		r := reply{body: m.Body, files: files}
		switch {
		case m.Refused != "":
			r.err = &Refused{m.Refused, errors.New(m.Error)}
		case m.Full:
			r.err = fmt.Errorf("%w: %s", ErrCaptureFull, m.Error)
		case m.Error != "":
			r.err = &Told{By: c.name, Text: m.Error}
		}
		c.mu.Lock()
		call, known := c.pending[m.Call]
		delete(c.pending, m.Call)
		if known {
			call.reply <- r
		}
		c.mu.Unlock()
		if !known {
			closeFiles(files)
		}
	}
}

func (c *Client) fail(err error) {
	if errors.Is(err, io.EOF) {
		err = ErrGone
	}
	err = fmt.Errorf("%s: %w", c.name, err)
	c.mu.Lock()
	c.ended = err
	for id, call := range c.pending {
		call.reply <- reply{err: err}
		delete(c.pending, id)
	}
	tell := c.onEnd
	c.mu.Unlock()
	if tell != nil {
		tell(err)
	}
}

// Call sends a request and waits for its reply, which is decoded into result
// unless that is nil. The files that came with the reply become the caller's.
func (c *Client) Call(ctx context.Context, do string, request, result any, files ...*os.File) ([]*os.File, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", do, err)
	}
	ch := make(chan reply, 1)
	c.mu.Lock()
	if c.ended != nil {
		c.mu.Unlock()
		return nil, c.ended
	}
	c.next++
	id := c.next
	c.pending[id] = pendingCall{do, ch}
	c.mu.Unlock()
	if err := c.conn.Send(envelope{Call: id, Do: do, Body: body}, files...); err != nil {
		c.forget(id, ch)
		if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, net.ErrClosed) {
			err = ErrGone
		}
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	select {
	case <-ctx.Done():
		c.forget(id, ch)
		return nil, fmt.Errorf("%s: %s: %w", c.name, do, context.Cause(ctx))
	case r := <-ch:
		if r.err != nil {
			closeFiles(r.files)
			return nil, r.err
		}
		if result != nil {
			if err := json.Unmarshal(r.body, result); err != nil {
				closeFiles(r.files)
				return nil, fmt.Errorf("%s: decode reply to %s: %w", c.name, do, err)
			}
		}
		return r.files, nil
	}
}

// unanswered returns how many calls of some kinds were not answered yet.
func (c *Client) unanswered(kinds ...string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, call := range c.pending {
		if slices.Contains(kinds, call.do) {
			n++
		}
	}
	return n
}

// forget gives a call up. Its reply may have come at the last moment.
func (c *Client) forget(id uint64, ch <-chan reply) {
	c.mu.Lock()
	delete(c.pending, id)
	c.mu.Unlock()
	select {
	case r := <-ch:
		closeFiles(r.files)
	default:
	}
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// A Handler does what a request asks for. The files that came with it are the
// handler's; those that it returns are sent with the reply and then closed.
type Handler func(ctx context.Context, do string, body json.RawMessage, files []*os.File) (result any, send []*os.File, err error)

// Serve answers requests until the other end is gone or ctx ends. Each
// request is handled in a goroutine of its own; Serve waits for them.
func Serve(ctx context.Context, conn *Conn, handle Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	var requests sync.WaitGroup
	defer requests.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	for {
		var m envelope
		files, err := conn.Receive(&m)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		requests.Go(func() { answer(ctx, conn, m, files, handle) })
	}
}

// answer handles one request and sends the reply. One that is too large to be
// sent is replaced by the error; else, what cannot be sent has no reader any
// more.
func answer(ctx context.Context, conn *Conn, m envelope, files []*os.File, handle Handler) {
	out := envelope{Call: m.Call}
	result, send, err := handle(ctx, m.Do, m.Body, files)
	if err == nil {
		out.Body, err = json.Marshal(result)
	}
	if refused, ok := errors.AsType[*Refused](err); ok {
		out.Refused, out.Error = refused.What, refused.Err.Error()
	} else if err != nil {
		out.Error, out.Full = err.Error(), errors.Is(err, wire.ErrLimit)
	}
	if err := conn.Send(out, send...); err != nil {
		_ = conn.Send(envelope{Call: m.Call, Error: err.Error()})
	}
	closeFiles(send)
}

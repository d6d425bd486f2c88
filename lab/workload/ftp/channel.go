package ftp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"netlab/lab/workload"
	"netlab/probes"
	"netlab/probes/calls"
)

// A channel is one connection of a client: the guarded socket and, if there is
// TLS, that on top of it.
type channel struct {
	*guard
	secure *calls.Secure // nil without TLS
}

// Read receives from the stream.
func (c *channel) Read(p []byte) (int, error) {
	if c.secure != nil {
		return c.secure.Read(p)
	}
	return c.guard.Read(p)
}

// Write sends to the stream.
func (c *channel) Write(p []byte) (int, error) {
	if c.secure != nil {
		return c.secure.Write(p)
	}
	return c.guard.Write(p)
}

// closeIn closes the channel in a style. read is where the peer's last words
// are read, and goodbye waits for the reply that says so; goodbye may be nil.
func (c *channel) closeIn(ctx context.Context, style workload.Close, read func([]byte) (int, error), goodbye func() error) error {
	c.guard.setLimit(0) // the style has its own
	plain := ending{guard: c.guard, read: read}
	if c.secure == nil {
		return style.Do(ctx, &plain, goodbye)
	}
	return style.Do(ctx, &secureEnding{plain, c.secure}, goodbye)
}

// An ending is a channel that is being closed.
type ending struct {
	*guard
	read func([]byte) (int, error)
}

// Read reads the peer's last words.
func (e *ending) Read(p []byte) (int, error) { return e.read(p) }

// A secureEnding is the same with TLS.
type secureEnding struct {
	ending
	secure *calls.Secure
}

// CloseNotify is TLS's last word.
func (e *secureEnding) CloseNotify() error { return e.secure.CloseNotify() }

// Sealed reports whether there has been a handshake.
func (e *secureEnding) Sealed() bool { return e.secure.Sealed() }

// ReadBelow reads what comes after the end of TLS.
func (e *secureEnding) ReadBelow(p []byte) (int, error) { return e.guard.Read(p) }

// A control is a session's control channel. Whoever reads from it, the library
// or the raw client, the replies that pass are kept.
type control struct {
	channel
	parser  replyParser
	replies []Reply // delivered during the operation under way
	pending []byte  // received, not delivered yet
	again   []byte  // to be delivered once more: the greeting, for the library

	style   workload.Close  // for Close
	ctx     context.Context // for Close, which has none of its own
	goodbye bool            // QUIT has been sent
}

// maxReplies is how many replies one operation may bring.
const maxReplies = 1000

var errTooManyReplies = errors.New("too many replies to one command")

// Read delivers no more than the rest of one reply, however many came in one
// segment: the library would keep the others in its buffer and take them, a
// 421 for example, for the answer to its next command, unseen by AwaitReply.
func (c *control) Read(p []byte) (int, error) {
	if len(c.again) > 0 {
		n := copy(p, c.again)
		c.again = c.again[n:]
		return n, nil
	}
	if len(c.pending) == 0 {
		buf := make([]byte, 4<<10)
		n, err := c.channel.Read(buf)
		if n == 0 {
			return 0, err
		}
		c.pending = buf[:n]
	}
	n, reply, complete, err := c.parser.next(c.pending[:min(len(p), len(c.pending))])
	if err != nil {
		return 0, err
	}
	copy(p, c.pending[:n])
	c.pending = c.pending[n:]
	if complete {
		c.replies = append(c.replies, reply)
	}
	if len(c.replies) > maxReplies {
		return n, errTooManyReplies
	}
	return n, nil
}

// readReply returns the next reply, preliminary or not.
func (c *control) readReply() (Reply, error) {
	buf := make([]byte, 4<<10)
	for before := len(c.replies); len(c.replies) == before; {
		if _, err := c.Read(buf); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return Reply{}, err
		}
	}
	return c.replies[len(c.replies)-1], nil
}

// send sends a command. A line end inside would be two commands.
func (c *control) send(line string) error {
	if strings.ContainsAny(line, "\r\n\x00") {
		return fmt.Errorf("command %.40q holds a line end", strings.Fields(line + " x")[0])
	}
	_, err := io.WriteString(c, line+"\r\n")
	return err
}

// command sends a command and returns the reply to it.
func (c *control) command(line string) (Reply, error) {
	if err := c.send(line); err != nil {
		return Reply{}, err
	}
	return c.readReply()
}

// expect is command where any other reply than code is an error.
func (c *control) expect(code int, line string) (Reply, error) {
	reply, err := c.command(line)
	if err == nil && reply.Code != code {
		err = &ReplyError{reply.Code, reply.Text}
	}
	return reply, err
}

// last returns the last reply that has come.
func (c *control) last() (Reply, bool) {
	if len(c.replies) == 0 {
		return Reply{}, false
	}
	return c.replies[len(c.replies)-1], true
}

// upgrade starts TLS on the channel. Bytes that came before it, in clear text,
// would be taken for protected ones: they are refused.
func (c *control) upgrade(ctx context.Context, config *tls.Config) error {
	if len(c.pending) > 0 || !c.parser.between() {
		return errors.New("start TLS: the server sent clear text after its reply")
	}
	c.secure = c.guard.Conn.SecureClient(c.guard, config)
	if err := c.secure.Handshake(ctx); err != nil {
		return fmt.Errorf("start TLS: %w", err)
	}
	return nil
}

// Close closes the control connection in its style.
func (c *control) Close() error {
	var goodbye func() error
	if c.goodbye {
		goodbye = c.awaitGoodbye
	}
	return c.closeIn(c.ctx, c.style, c.Read, goodbye)
}

// awaitGoodbye reads to the 221. Late replies to earlier commands may come first.
func (c *control) awaitGoodbye() error {
	for {
		reply, err := c.readReply()
		if err != nil || reply.Code == codeGoodbye {
			return err
		}
		if reply.failed() {
			return &ReplyError{reply.Code, reply.Text}
		}
	}
}

// A data is one data channel of a client. What passes is counted, and the
// beginning of what is received is kept.
type data struct {
	channel
	style workload.Close
	ctx   context.Context // for Close, which has none of its own
	bytes int64
	sum   hash.Hash
	// received is the beginning of what came: one byte more than can be
	// recorded, so that it shows whether that is all.
	received []byte
	// shake asks Close for a TLS handshake, if nothing has been sent that
	// would have brought it about: an empty upload.
	shake  bool
	closed bool
}

func newData(ctx context.Context, g *guard, config *tls.Config, style workload.Close) *data {
	d := &data{channel: channel{guard: g}, style: style, ctx: ctx, sum: sha256.New()}
	if config != nil {
		// The handshake comes with the first byte: servers begin it only
		// after the command.
		d.secure = g.Conn.SecureClient(g, config)
	}
	return d
}

// Read receives, counts and keeps.
func (d *data) Read(p []byte) (int, error) {
	n, err := d.channel.Read(p)
	d.count(p[:n])
	d.received = append(d.received, p[:min(n, probes.MaxContent+1-len(d.received))]...)
	return n, err
}

// Write sends and counts.
func (d *data) Write(p []byte) (int, error) {
	n, err := d.channel.Write(p)
	d.count(p[:n])
	return n, err
}

func (d *data) count(p []byte) {
	d.bytes += int64(len(p))
	d.sum.Write(p)
}

// Close closes the data connection in its style. What is drained then is not
// counted.
func (d *data) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	if d.shake && d.secure != nil {
		if err := d.secure.Handshake(d.ctx); err != nil {
			return errors.Join(err, d.guard.Conn.Close())
		}
	}
	return d.closeIn(d.ctx, d.style, d.channel.Read, nil)
}

package ftp

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"

	ftpserver "github.com/fclairamb/ftpserverlib"
)

// A controlListener hands control connections to the library.
type controlListener struct{ s *Server }

// Accept returns a connection whose Close obeys the spec.
func (l controlListener) Accept() (net.Conn, error) {
	conn, err := l.s.listener.AcceptConn()
	if err != nil {
		return nil, err
	}
	// For each connection that it is given the library starts one session,
	// which ends with ClientDisconnected.
	l.s.sessions.Add(1)
	served := l.s.serve(conn, false)
	if l.s.spec.TLS == TLSImplicit {
		// Of the same kind as the library's own, so that both end alike.
		return tls.Server(served, l.s.tls), nil
	}
	return served, nil
}

// Close is for the library's own Stop, which is not used.
func (l controlListener) Close() error { return l.s.listener.Close() }

// Addr returns the address listened on.
func (l controlListener) Addr() net.Addr { return l.s.listener.Addr() }

// A passiveListener accepts data connections.
type passiveListener struct {
	*calls.Listener
	s *Server
}

// Accept returns a connection whose Close obeys the spec.
func (l *passiveListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.AcceptConn()
	if err != nil {
		return nil, err
	}
	return l.s.serve(conn, true), nil
}

// Close stops listening.
func (l *passiveListener) Close() error {
	l.s.untrack(l)
	return l.Listener.Close()
}

// hangUp is Close for Stop. Closing twice is harmless.
func (l *passiveListener) hangUp() { _ = l.Listener.Close() }

// A servedConn is a connection of the server. Its Close obeys the spec.
type servedConn struct {
	*calls.Conn
	s    *Server
	data bool

	silent  atomic.Bool // the last receive ran into the idle timeout
	copying atomic.Bool // a transfer is reading or writing
	once    sync.Once

	mu        sync.Mutex
	notifying bool         // the library's TLS is writing close_notify
	notify    func() error // sends it, when the style says so; nil without
}

// serve wraps a connection; one that comes after Stop began is closed.
func (s *Server) serve(conn *calls.Conn, data bool) *servedConn {
	served := &servedConn{Conn: conn, s: s, data: data}
	if !s.track(served) {
		served.hangUp()
	}
	return served
}

// Read notes whether the client was silent for too long.
func (c *servedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.silent.Store(errors.Is(err, os.ErrDeadlineExceeded))
	return n, err
}

// SetDeadline gives the idle timeout, which the library knows in whole seconds
// only, its exact length.
func (c *servedConn) SetDeadline(t time.Time) error {
	if exact, seconds := c.s.idle(); !c.data {
		whole := time.Duration(seconds) * time.Second
		// The library has just added its seconds to the time; within half a
		// second it can have meant nothing else.
		if left := time.Until(t); left <= whole && left > whole-time.Second/2 {
			t = t.Add(exact - whole)
		}
	}
	return c.Conn.SetDeadline(t)
}

// SetWriteDeadline is called by TLS alone: before and after its close_notify,
// which is the first thing that its Close does. The FTP library sets deadlines
// for both directions at once.
func (c *servedConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notifying = time.Until(t) > 0
	return nil
}

// Write sends, but for close_notify, which is held back until the style's turn.
func (c *servedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.notifying {
		record := bytes.Clone(p)
		c.notify = func() error {
			_, err := c.Conn.Write(record)
			return err
		}
		c.mu.Unlock()
		return len(p), nil
	}
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// notifyLimit bounds the sending of close_notify to a peer that reads nothing.
const notifyLimit = 5 * time.Second

// A servedEnding is a served connection that is being closed. TLS has done its
// reading: what is drained are the records themselves.
type servedEnding struct {
	*calls.Conn
	notify func() error // nil without TLS
}

// CloseNotify sends what was held back, once.
func (e *servedEnding) CloseNotify() error {
	if e.notify == nil {
		return nil
	}
	send := e.notify
	e.notify = nil
	// Fails only on a closed connection, and then so does the send.
	_ = e.Conn.SetWriteDeadline(time.Now().Add(notifyLimit))
	return e.Conn.SendCloseNotify(send)
}

// Close closes in the style of the spec, and at once where the style makes no
// sense: a silent client will not close, and an aborted transfer is still using
// the connection.
func (c *servedConn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		style := c.s.closeStyle(c.data)
		if c.silent.Load() && style.Style == workload.AfterPeer || c.copying.Load() && style.Style != workload.Reset {
			style = workload.Close{Style: workload.AtOnce}
		}
		c.mu.Lock()
		ending := &servedEnding{c.Conn, c.notify}
		c.mu.Unlock()
		err = style.Do(c.s.ctx, ending, nil)
		c.s.untrack(c)
	})
	if errors.Is(err, workload.ErrCapped) {
		c.s.log.Warn("close", "remote", c.RemoteAddr(), "err", err)
		return nil // it is closed
	}
	return err
}

// hangUp closes now, from Stop; whoever is using the connection notices.
func (c *servedConn) hangUp() { _ = c.Conn.Close() }

// A clientDriver is the files as one client sees them, with its transfers.
type clientDriver struct {
	*files
	s *Server
}

var (
	_ ftpserver.ClientDriver                      = (*clientDriver)(nil)
	_ ftpserver.ClientDriverExtentionFileTransfer = (*clientDriver)(nil)
	_ ftpserver.ClientDriverExtensionFileList     = (*clientDriver)(nil)
	_ ftpserver.ClientDriverExtensionRemoveDir    = (*clientDriver)(nil)
)

// GetHandle opens a file for RETR, STOR or APPE.
func (d *clientDriver) GetHandle(name string, flags int, _ int64) (ftpserver.FileTransfer, error) {
	file, err := d.open(name, flags)
	if err != nil {
		return nil, err
	}
	if !d.s.startTransfer() {
		return nil, errors.Join(net.ErrClosed, file.Close())
	}
	return &transfer{FileTransfer: file, s: d.s}, nil
}

// A transfer is a file on its way. The library copies between it and the data
// connection with io.Copy, which asks either end to do the copying: that is
// where active mode's connections, which the library dials and closes by
// itself, can be recorded and closed in the style of the spec.
type transfer struct {
	ftpserver.FileTransfer
	s    *Server
	once sync.Once
}

var (
	_ io.WriterTo   = (*transfer)(nil)
	_ io.ReaderFrom = (*transfer)(nil)
)

// Close ends the transfer.
func (t *transfer) Close() error {
	defer t.once.Do(t.s.moving.Done)
	return t.FileTransfer.Close()
}

// copySize is what is moved at once: large enough for few events, small enough
// to be seen moving.
const copySize = 64 << 10

// WriteTo sends the file.
func (t *transfer) WriteTo(w io.Writer) (int64, error) {
	conn, adopted := t.s.dataConn(w)
	if adopted && plain(w) {
		w = conn
	}
	n, err := t.copy(conn, w, t.FileTransfer)
	if !adopted {
		return n, err
	}
	if n == 0 && err == nil {
		// For an empty file the library writes nothing once more, so that TLS
		// shakes hands. That is done here, before the close; 1 keeps the
		// library from writing to a closed connection.
		n, err = 1, t.s.shake(w)
	}
	closeData(w, conn)
	return n, err
}

// ReadFrom receives the file.
func (t *transfer) ReadFrom(r io.Reader) (int64, error) {
	conn, adopted := t.s.dataConn(r)
	if adopted && plain(r) {
		r = conn
	}
	n, err := t.copy(conn, t.FileTransfer, r)
	if adopted {
		closeData(r, conn)
	}
	return n, err
}

// copy copies, with conn, if known, marked as in use.
func (t *transfer) copy(conn *servedConn, w io.Writer, r io.Reader) (int64, error) {
	if conn != nil {
		conn.copying.Store(true)
		defer conn.copying.Store(false)
	}
	// The wrappings hide ReadFrom and WriteTo, which would come back here.
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, copySize))
}

// plain reports whether x is a connection without TLS.
func plain(x any) bool {
	_, secure := x.(*tls.Conn)
	return !secure
}

// dataConn finds the data connection in what the library copies to or from.
// adopted says that it was not known before: the library dialled it. It is nil
// for what is no connection, such as the converter of ASCII transfers.
func (s *Server) dataConn(x any) (conn *servedConn, adopted bool) {
	if secure, ok := x.(*tls.Conn); ok {
		x = secure.NetConn()
	}
	switch x := x.(type) {
	case *servedConn:
		return x, false
	case calls.Socket:
		return s.serve(s.calls.Adopt(x), true), true
	}
	return nil, false
}

// shake completes the TLS handshake of a connection on which nothing was sent.
func (s *Server) shake(x any) error {
	if secure, ok := x.(*tls.Conn); ok {
		return secure.HandshakeContext(s.ctx)
	}
	return nil
}

// closeData closes a connection that was adopted, before the library does. The
// library is content to find it closed. Errors are those of a connection that
// is broken, which the copying has told already.
func closeData(x any, conn *servedConn) {
	if secure, ok := x.(*tls.Conn); ok {
		conn.mu.Lock()
		conn.notify = secure.CloseWrite // close_notify
		conn.mu.Unlock()
	}
	_ = conn.Close()
}

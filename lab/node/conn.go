package node

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// maxMessage bounds a message of the control protocol, in bytes.
const maxMessage = 64 << 20

// maxFiles is how many descriptors one message may carry; the kernel's own
// limit is 253 (SCM_MAX_FD).
const maxFiles = 200

// A Conn carries messages, each with descriptors, between two processes of a
// lab over a stream socket pair. Sending is safe for concurrent use; one
// goroutine receives. A message is a header of five bytes (length, number of
// descriptors) and JSON.
type Conn struct {
	sock *net.UnixConn
	mu   sync.Mutex // of sending
}

// Pair makes a connected pair: a Conn for this process and the other end as a
// file, to be inherited by a child.
func Pair(name string) (*Conn, *os.File, error) {
	mine, theirs, err := FilePair(name)
	if err != nil {
		return nil, nil, err
	}
	c, err := NewConn(mine)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return c, theirs, nil
}

// FilePair makes a connected pair of stream sockets as files.
func FilePair(name string) (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair for %s: %w", name, err)
	}
	return os.NewFile(uintptr(fds[0]), name), os.NewFile(uintptr(fds[1]), name), nil
}

// NewConn takes over a stream socket.
func NewConn(f *os.File) (*Conn, error) {
	defer f.Close() // FileConn duplicates it
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("use %s as control socket: %w", f.Name(), err)
	}
	sock, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("use %s as control socket: it is no unix socket", f.Name())
	}
	return &Conn{sock: sock}, nil
}

// Close ends the connection; a blocked Receive returns.
func (c *Conn) Close() error { return c.sock.Close() }

// Send sends a message; the files remain the caller's.
func (c *Conn) Send(message any, files ...*os.File) error {
	body, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode control message: %w", err)
	}
	if len(body) > maxMessage || len(files) > maxFiles {
		return fmt.Errorf("control message of %d bytes and %d descriptors is too large", len(body), len(files))
	}
	frame := make([]byte, 5, 5+len(body))
	binary.BigEndian.PutUint32(frame, uint32(len(body)))
	frame[4] = byte(len(files))
	frame = append(frame, body...)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(files) > 0 {
		// The descriptors travel with the header's bytes.
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		n, _, err := c.sock.WriteMsgUnix(frame, unix.UnixRights(fds...), nil)
		if err != nil {
			return fmt.Errorf("send control message: %w", err)
		}
		frame = frame[n:]
	}
	if _, err := c.sock.Write(frame); err != nil {
		return fmt.Errorf("send control message: %w", err)
	}
	return nil
}

// Receive waits for a message and decodes it. The files become the caller's;
// there are none with an error. At the end of the connection it returns io.EOF.
func (c *Conn) Receive(message any) ([]*os.File, error) {
	var header [5]byte
	oob := make([]byte, unix.CmsgSpace(4*maxFiles))
	n, oobn, _, _, err := c.sock.ReadMsgUnix(header[:], oob)
	if err != nil || n == 0 {
		return nil, endOf(err)
	}
	files, err := filesOf(oob[:oobn])
	if err == nil {
		err = c.receive(header, n, len(files), message)
	}
	if err != nil {
		closeFiles(files)
		return nil, err
	}
	return files, nil
}

// receive reads what follows the first n bytes of the header, with which so
// many files came. Descriptors that come later are dropped by the kernel.
func (c *Conn) receive(header [5]byte, n, files int, message any) error {
	if _, err := io.ReadFull(c.sock, header[n:]); err != nil {
		return endOf(err)
	}
	size := binary.BigEndian.Uint32(header[:])
	if size > maxMessage {
		return fmt.Errorf("control message of %d bytes is too large", size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(c.sock, body); err != nil {
		return endOf(err)
	}
	if files != int(header[4]) {
		return fmt.Errorf("control message came with %d of %d descriptors", files, header[4])
	}
	if err := json.Unmarshal(body, message); err != nil {
		return fmt.Errorf("decode control message: %w", err)
	}
	return nil
}

// endOf turns every way in which the other side can be gone into io.EOF.
func endOf(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, unix.ECONNRESET) || errors.Is(err, net.ErrClosed) {
		return io.EOF
	}
	return fmt.Errorf("receive control message: %w", err)
}

// filesOf takes the descriptors out of a control buffer.
func filesOf(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("parse control buffer: %w", err)
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return files, fmt.Errorf("parse descriptors: %w", err)
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}

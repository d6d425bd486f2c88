package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"netlab/probes"

	"golang.org/x/sys/unix"
)

// Bounds of what is kept of a program's output, in bytes. The program may
// print as much as it likes.
const (
	maxLogged   = 1 << 20  // in the node's log, of each program
	maxTail     = 4 << 10  // the end, for errors
	maxLastLine = 300      // of what an error quotes
	maxPiped    = 1 << 20  // what a pipe can hold (pipe(7), pipe-max-size)
	pipeChunk   = 32 << 10 // read at a time
)

// An output reads what a program prints, standard output and standard error
// in one, in the order of writing. It writes it to the node's log, and keeps
// the beginning and the end.
type output struct {
	name  string // of the program, for the log
	pipes []*outPipe
	log   io.Writer
	keep  int // bytes of the beginning

	mu     sync.Mutex
	begin  []byte
	tail   []byte
	total  int64
	logged int64

	line  string        // what is waited for
	carry []byte        // where it may have begun
	found chan struct{} // closed when it was printed
}

// An outPipe is a pipe that a program prints into.
type outPipe struct {
	*os.File               // to read from
	settled  chan struct{} // closed when all is read that the program printed until its end
	settle   sync.Once
}

// newOutput returns an output without pipes. line is what found waits for, ""
// for nothing.
func newOutput(name string, log io.Writer, keep int, line string) *output {
	return &output{name: name, log: log, keep: keep, line: line, found: make(chan struct{})}
}

// newPipe makes a pipe of the output and returns the end that the program
// gets.
func (o *output) newPipe() (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe for the output of %s: %w", o.name, err)
	}
	o.pipes = append(o.pipes, &outPipe{File: read, settled: make(chan struct{})})
	return write, nil
}

// start starts to read.
func (o *output) start() {
	for _, p := range o.pipes {
		go o.run(p)
	}
}

// close gives the pipes up, instead of start.
func (o *output) close() {
	for _, p := range o.pipes {
		p.Close()
	}
}

// run reads until nobody can print any more.
func (o *output) run(p *outPipe) {
	defer p.Close()
	defer p.settle.Do(func() { close(p.settled) })
	buf := make([]byte, pipeChunk)
	for {
		n, err := p.Read(buf)
		o.take(buf[:n])
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return // nobody has the other end any more
		}
		// The program has ended. What it has left behind may print on; that is
		// read, too, or it would be stopped by a full pipe.
		o.drain(p, buf)
		p.settle.Do(func() { close(p.settled) })
		if p.SetReadDeadline(time.Time{}) != nil {
			return
		}
	}
}

// ended tells that the program has ended. It returns when all is read that it
// had printed.
func (o *output) ended() {
	for _, p := range o.pipes {
		_ = p.SetReadDeadline(time.Unix(1, 0)) // closed already: then all is read
		<-p.settled
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.logged > maxLogged {
		fmt.Fprintf(o.log, "\nnetlab: %s printed %d bytes in all; the last line:\n%s\n", o.name, o.total, lastLineOf(o.tail))
	}
}

// drain reads what is in the pipe now.
func (o *output) drain(p *outPipe, buf []byte) {
	raw, err := p.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for left := maxPiped; left > 0; {
			n, err := unix.Read(int(fd), buf) // the descriptor does not block
			if err == unix.EINTR {
				continue
			}
			if err != nil || n <= 0 {
				return
			}
			o.take(buf[:n])
			left -= n
		}
	})
}

// take takes over a piece of output.
func (o *output) take(chunk []byte) {
	if len(chunk) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.total += int64(len(chunk))
	if room := o.keep - len(o.begin); room > 0 {
		o.begin = append(o.begin, chunk[:min(room, len(chunk))]...)
	}
	o.tail = append(o.tail, chunk[max(0, len(chunk)-maxTail):]...)
	o.tail = o.tail[max(0, len(o.tail)-maxTail):]
	if room := maxLogged - o.logged; room >= 0 {
		part := chunk[:min(room, int64(len(chunk)))]
		_, _ = o.log.Write(part) // a full disk ends the run by other means
		o.logged += int64(len(chunk))
		if o.logged > maxLogged {
			fmt.Fprintf(o.log, "\nnetlab: %s has printed %d bytes; what follows is left out, the program goes on\n", o.name, maxLogged)
		}
	}
	o.search(chunk)
}

// search looks for the line that is waited for.
func (o *output) search(chunk []byte) {
	if o.line == "" {
		return
	}
	o.carry = append(o.carry, chunk...)
	if bytes.Contains(o.carry, []byte(o.line)) {
		close(o.found)
		o.line, o.carry = "", nil
		return
	}
	o.carry = append(o.carry[:0], o.carry[max(0, len(o.carry)-len(o.line)+1):]...)
}

// content returns what a step records of the output.
func (o *output) content() (text string, cut bool, total int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	text = strings.ToValidUTF8(string(o.begin), "\uFFFD") // may be longer
	if len(text) > probes.MaxContent {
		text, cut = strings.ToValidUTF8(text[:probes.MaxContent], ""), true
	}
	return text, cut || o.total > int64(len(o.begin)), o.total
}

// lastLine returns the last line that says something, "" if there is none.
func (o *output) lastLine() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return lastLineOf(o.tail)
}

// lastLineOf returns the last line of a text that says something, fit to be
// shown.
func lastLineOf(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, strings.TrimSpace(lines[len(lines)-1]))
	if len(last) > maxLastLine {
		last = strings.ToValidUTF8(last[:maxLastLine], "") + "..."
	}
	return last
}

package sockdiag

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// counterFiles are where the kernel shows the counters of the namespace of
// whoever opens them; an open file goes on showing those of that namespace.
var counterFiles = [...]string{"/proc/thread-self/net/netstat", "/proc/thread-self/net/snmp"}

// A reading is the value of every counter that was shown, by name.
type reading map[string]uint64

// parseCounters adds the counters of probes.Counters that a file shows to r. Each
// group is a line of names and a line of values, both behind a prefix.
func parseCounters(b []byte, r reading) error {
	for len(b) > 0 {
		var head, values []byte
		head, b, _ = bytes.Cut(b, []byte("\n"))
		values, b, _ = bytes.Cut(b, []byte("\n"))
		names, numbers := bytes.Fields(head), bytes.Fields(values)
		if len(names) != len(numbers) {
			return fmt.Errorf("%d names and %d values of counters", len(names), len(numbers))
		}
		if len(names) == 0 {
			continue
		}
		if !bytes.Equal(names[0], numbers[0]) {
			return fmt.Errorf("names of counters of %q, values of %q", names[0], numbers[0])
		}
		for _, want := range wanted(string(names[0])) {
			for i, name := range names {
				if string(name) != want {
					continue
				}
				n, err := strconv.ParseUint(string(numbers[i]), 10, 64)
				if err != nil {
					return fmt.Errorf("counter %s: %w", want, err)
				}
				r[want] = n
			}
		}
	}
	return nil
}

// wanted lists the counters of a group, none if nobody wants any.
func wanted(prefix string) []string {
	for _, group := range probes.Counters() {
		if group.Prefix == prefix {
			return group.Names
		}
	}
	return nil
}

// counters are those of one place, read again and again.
type counters struct {
	fds  []int // of counterFiles
	last reading
	at   probes.Mono // of the last reading; 0 before the first
}

// openCounters opens the files inside ns. The caller closes them.
func openCounters(ns probes.Namespace) (*counters, error) {
	c := new(counters)
	err := ns.Do(func() error {
		for _, name := range counterFiles {
			fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return fmt.Errorf("open %s: %w", name, err)
			}
			c.fds = append(c.fds, fd)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *counters) close() error {
	var errs []error
	for _, fd := range c.fds {
		errs = append(errs, unix.Close(fd))
	}
	c.fds = nil
	return errors.Join(errs...)
}

// read takes a reading; buf is scratch space that is longer than either file.
func (c *counters) read(buf []byte) (reading, error) {
	r := reading{}
	for i, fd := range c.fds {
		n := 0
		// One read: the kernel makes the whole text anew for each.
		err := retry(func() (err error) { n, err = unix.Pread(fd, buf, 0); return err })
		if err == nil && n == len(buf) {
			err = fmt.Errorf("longer than %d bytes", len(buf))
		}
		if err == nil {
			err = parseCounters(buf[:n], r)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", counterFiles[i], err)
		}
	}
	return r, nil
}

// update takes in a reading and returns what grew since the one before, in
// the order of probes.Counters.
func (c *counters) update(r reading, at probes.Mono) []probes.Counter {
	var moved []probes.Counter
	for _, group := range probes.Counters() {
		for _, name := range group.Names {
			if before := c.last[name]; c.at != 0 && r[name] > before {
				moved = append(moved, probes.Counter{Name: name, Delta: r[name] - before, Since: c.at})
			}
		}
	}
	c.last, c.at = r, at
	return moved
}

// count reads the counters of a place and emits what moved.
func (p *Probe) count(at *place, buf []byte) {
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.counters == nil {
		return
	}
	began := clock.Now()
	r, err := at.counters.read(buf)
	if err != nil {
		p.send(lostOf(probes.KindCounter, at.Node, "read counters: "+err.Error()))
		return
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.emit == nil {
		return // what moves counts from Run's first reading on
	}
	now := clock.Now()
	for _, moved := range at.counters.update(r, began) {
		p.emit(probes.Event{
			Time: now, Source: probes.SockDiag, Kind: probes.KindCounter, Grade: probes.Recorded,
			Node: at.Node, Sock: probes.SocketID{NetNS: at.Cookie}, Counter: &moved,
		})
	}
}

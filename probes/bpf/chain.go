package bpf

import "netlab/probes"

// Chains checks the tracepoint itself: the state that a socket leaves has to
// be the one that it entered last.
//
// It is not always so. On a virtual machine with Linux 6.18 no tracepoint at
// all fired in interrupts that hit the idle task of the second CPU, neither for
// BPF nor for perf(1): an ACK sent by the delayed-ACK timer there moved the
// peer to FIN-WAIT-2 unseen. The kernel counts nothing then; the break in the
// chain is the only trace.
//
// The last transition of a socket cannot be checked: nothing comes after it.
type chains struct {
	state  map[uint64]uint8 // by socket cookie; closed sockets are left out
	breaks []chainBreak
}

// A chainBreak is a transition that left a state never seen entered.
type chainBreak struct {
	sock probes.SocketID
	time probes.Mono
}

// follow takes the next record. Those of one socket come in order, since the
// kernel changes its state, and writes the record, under the socket's lock.
func (c *chains) follow(r *record) {
	if last, ok := c.state[r.sock.Cookie]; ok && last != r.old {
		c.breaks = append(c.breaks, chainBreak{r.sock, r.time})
	}
	if r.new == tcpClose {
		delete(c.state, r.sock.Cookie)
		return
	}
	if c.state == nil {
		c.state = make(map[uint64]uint8)
	}
	c.state[r.sock.Cookie] = r.new
}

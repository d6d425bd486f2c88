package rfc9293

import (
	"testing"

	"netlab/probes"
)

// FuzzMachine feeds any inputs whatever: the machine never panics, takes only
// edges that it may take, and every edge begins where the one before ended.
func FuzzMachine(f *testing.F) {
	f.Add(uint8(0), []byte{1, 2, 0, 0, 0, 2, 18, 1, 1, 0, 1, 16, 1, 1, 0, 1, 17, 1, 1, 0, 2, 17, 1, 2, 0})
	f.Add(uint8(1), []byte{2, 2, 1, 0, 0, 1, 18, 0, 2, 0, 2, 16, 2, 1, 0, 2, 4, 2, 0, 0})
	f.Add(uint8(2), []byte{1, 16, 0, 0, 5, 2, 17, 0, 5, 9, 3, 1, 1, 0, 0})
	names := []string{"listen", "connect", "accept", "send", "receive", "shutdown", "close", "linger"}
	errnos := []string{"", "ETIMEDOUT", "ECONNREFUSED", "EHOSTUNREACH", "EBADF", "EOF"}
	f.Fuzz(func(t *testing.T, role uint8, data []byte) {
		role %= 3
		var inputs []Input
		for i := 0; i+5 <= len(data) && len(inputs) < 500; i += 5 {
			b := data[i : i+5]
			in := Input{Kind: Kind(b[0] % 4), Time: probes.Mono(i / 10), Event: uint64(i)}
			if in.Kind == Called {
				in.Call = &probes.Call{Name: names[int(b[1])%len(names)], Errno: errnos[int(b[2])%len(errnos)], Args: []string{"", "0", "write", "read"}[b[3]%4]}
			} else if b[0]&8 == 0 { // else the segment is missing
				// Numbers close to the wrap, so that they meet.
				in.Segment = &probes.Segment{
					Flags: probes.Flags(b[1] & 31), Seq: uint32(b[2]%16) - 4, Ack: uint32(b[3]%16) - 4,
					Len: int(b[4] % 8), Window: uint16(b[4]), WScale: b[2] >> 4,
				}
			}
			inputs = append(inputs, in)
		}
		state := New(Role(role)).State()
		m, taken, _ := Run(Role(role), inputs)
		for _, tr := range taken {
			if tr.From != state || tr.Untaken != "" || !Legal(tr.From, tr.To) {
				t.Fatalf("in %s took %s -> %s by %s", state, tr.From, tr.To, tr.Event)
			}
			state = tr.To
		}
		if m.State() != state {
			t.Fatalf("ended in %s, the edges lead to %s", m.State(), state)
		}
		foresee(t, New(Role(role)), inputs)
	})
}

// foresee holds what the machine foretells of each segment that arrives against
// what it then does. A listener that is asked takes the SYN to be answered.
func foresee(t *testing.T, m *Machine, inputs []Input) {
	for _, in := range Order(inputs) {
		if in.Kind != Received {
			m.Step(in)
			continue
		}
		f, from := m.Foresee(in), m.State()
		if m.State() != from || f.From != from {
			t.Fatalf("in %s, foreseeing led from %s to %s", from, f.From, m.State())
		}
		taken, _ := m.Step(in)
		if from == probes.Listen || in.Segment == nil {
			continue
		}
		if len(taken) != len(f.Taken) || len(taken) > 0 && taken[len(taken)-1].To != f.Taken[len(taken)-1].To {
			t.Fatalf("in %s, %d edges were foreseen, %d taken", from, len(f.Taken), len(taken))
		}
		if f.Section == "" || f.Why == "" && f.Answer == 0 {
			t.Fatalf("in %s, nothing is said of %s", from, in.Segment.Flags)
		}
		if f.Answer != 0 && in.Segment.Flags.Has(probes.RST) && f.Answer != probes.ACK {
			t.Fatalf("in %s, a RST is answered with %s", from, f.Answer)
		}
	}
}

package conntrack

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"netlab/probes"

	"github.com/mdlayher/netlink"
	"github.com/ti-mo/conntrack"
	"golang.org/x/sys/unix"
)

// states are the tracker's words for the states of TCP, in the order of enum
// tcp_conntrack (include/uapi/linux/netfilter/nf_conntrack_tcp.h). They are
// not those of RFC 9293, though they look alike.
func states() []string {
	return []string{"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT",
		"CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2"}
}

// decode reads one datagram of the kernel's. What is not about TCP it leaves
// out. With an error, events are those that could be read.
func decode(datagram []byte) ([]probes.Event, error) {
	messages, err := syscall.ParseNetlinkMessage(datagram)
	if err != nil {
		return nil, fmt.Errorf("netlink message of %d bytes: %w", len(datagram), err)
	}
	var events []probes.Event
	for _, m := range messages {
		if m.Header.Type>>8 != unix.NFNL_SUBSYS_CTNETLINK {
			continue // an acknowledgement
		}
		var e conntrack.Event
		if err := e.Unmarshal(netlink.Message{
			Header: netlink.Header{
				Length: m.Header.Len, Type: netlink.HeaderType(m.Header.Type),
				Flags: netlink.HeaderFlags(m.Header.Flags), Sequence: m.Header.Seq, PID: m.Header.Pid,
			},
			Data: m.Data,
		}); err != nil {
			return events, fmt.Errorf("entry of a tracker: %w", err)
		}
		if e.Flow != nil && e.Flow.TupleOrig.Proto.Protocol == unix.IPPROTO_TCP {
			events = append(events, event(e))
		}
	}
	return events, nil
}

// event says what an event of the kernel means.
func event(e conntrack.Event) probes.Event {
	f := e.Flow
	t := &probes.Track{
		Change: change(e), Reply: flow(f.TupleReply),
		Status: status(f.Status), Helper: strings.TrimRight(f.Helper.Name, "\x00"), ID: f.ID,
	}
	if info := f.ProtoInfo.TCP; info != nil {
		t.State = fmt.Sprintf("state %d", info.State)
		if names := states(); int(info.State) < len(names) {
			t.State = names[info.State]
		}
	}
	return probes.Event{
		Source: probes.Conntrack, Kind: probes.KindTrack, Grade: probes.Recorded,
		Flow: flow(f.TupleOrig), Track: t,
	}
}

func change(e conntrack.Event) string {
	switch e.Type {
	case conntrack.EventNew:
		return "new"
	case conntrack.EventDestroy:
		return "destroy"
	}
	return "update"
}

func flow(t conntrack.Tuple) probes.Flow {
	return probes.Flow{
		Local:  netip.AddrPortFrom(t.IP.SourceAddress.Unmap(), t.Proto.SourcePort),
		Remote: netip.AddrPortFrom(t.IP.DestinationAddress.Unmap(), t.Proto.DestinationPort),
	}
}

// status writes the flags that say something of the connection, with commas.
func status(s conntrack.Status) string {
	var words []string
	for _, f := range []struct {
		is   bool
		name string
	}{
		{s.SeenReply(), "seen_reply"}, {s.Assured(), "assured"}, {s.SrcNAT(), "snat"},
		{s.DstNAT(), "dnat"}, {s.Expected(), "expected"},
	} {
		if f.is {
			words = append(words, f.name)
		}
	}
	return strings.Join(words, ",")
}

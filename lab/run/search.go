package run

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"netlab/lab/plan"
	"netlab/probes"
	"netlab/probes/wire/content"
	"netlab/scenarios"
)

// maxSearched is how large a capture is still searched.
const maxSearched = 512 << 20

// search reads the capture again, where somebody wants to know what is in the
// streams, and records what is found. A capture that cannot be searched is a
// loss: what depends on it is open.
func (r *runner) search() error {
	if !searched(r.Scenario) || !r.has(probes.Wire) {
		return nil
	}
	f, err := os.Open(filepath.Join(r.dir.Path, CaptureFile))
	if err != nil {
		return fmt.Errorf("search capture: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("search capture: %w", err)
	}
	if info.Size() > maxSearched {
		r.unsearched(fmt.Sprintf("capture too large to search: %d of at most %d bytes", info.Size(), int64(maxSearched)))
		return nil
	}
	if err := searchIn(f, r.rec.soFar(), content.Search{
		Texts: r.Scenario.SearchTexts(), Owners: owners(r.result.Plan), Stacks: stacked(r.Scenario), Ports: lineProtocols(r.Scenario),
	}, r.rec.emit); err != nil {
		r.unsearched(err.Error())
	}
	r.phase("search")
	return nil
}

// searchIn searches a capture, of which the events tell the times. That it
// ends before the last of their segments is an error: what it lacks is no
// evidence.
func searchIn(capture io.Reader, events []probes.Event, s content.Search, emit func(probes.Event)) error {
	times, read := seenAt(events), uint64(0)
	s.Time = func(frame uint64, at time.Time) probes.Mono {
		read = frame
		return times(frame, at)
	}
	if err := content.Read(capture, s, emit); err != nil {
		return err
	}
	for i := range events {
		if g := events[i].Segment; g != nil && g.Capture > read {
			return fmt.Errorf("the capture ends at frame %d, before frame %d, which was recorded", read, g.Capture)
		}
	}
	return nil
}

// unsearched records that the capture was not searched to its end.
func (r *runner) unsearched(why string) {
	var last probes.Mono
	if events := r.rec.soFar(); len(events) > 0 {
		last = events[len(events)-1].Time
	}
	r.rec.emit(probes.Event{Time: last, Source: probes.Content, Kind: probes.KindLoss, Loss: &probes.Loss{What: why, Count: 1}})
}

// searched reports whether a scenario asks what is in the streams, or has TLS
// in them.
func searched(s *scenarios.Scenario) bool {
	if len(s.SearchTexts()) > 0 || stacked(s) {
		return true
	}
	for i := range s.Servers {
		if v := &s.Servers[i]; v.HTTPS != nil || v.FTP != nil && v.FTP.TLS != scenarios.NoTLS && v.FTP.TLS != "" {
			return true
		}
	}
	tls := func(m *scenarios.Moment) bool {
		return m.Word == scenarios.WordCloseNotify || m.Word == scenarios.WordAlert
	}
	for i := range s.Expect.Order {
		if tls(&s.Expect.Order[i]) {
			return true
		}
	}
	for i := range s.Expect.Durations {
		if d := &s.Expect.Durations[i]; tls(&d.From) || tls(&d.To) {
			return true
		}
	}
	return slices.ContainsFunc(s.Expect.Connections, func(x scenarios.ConnectionExpect) bool {
		return x.TLS != nil || x.Alerts != nil || x.CloseNotify != nil
	})
}

// stacked reports whether a scenario asks how frames are made up.
func stacked(s *scenarios.Scenario) bool { return len(s.Expect.Carried)+len(s.Expect.NotCarried) > 0 }

// lineProtocols says at which ports servers of the scenario speak protocols
// that cannot be told from each other by what they say.
func lineProtocols(s *scenarios.Scenario) map[uint16]probes.Protocol {
	ports := map[uint16]probes.Protocol{}
	for i := range s.Servers {
		switch v := &s.Servers[i]; {
		case v.FTP != nil:
			ports[uint16(v.Port())] = probes.FTPProtocol
		case v.SMTP != nil:
			ports[uint16(v.Port())] = probes.SMTPProtocol
		}
	}
	return ports
}

// owners says which nodes have an address.
func owners(p *plan.Plan) map[netip.Addr][]string {
	nodes := map[netip.Addr][]string{}
	for _, l := range p.Links {
		for _, e := range l.Ends {
			for _, a := range e.Addresses {
				if !slices.Contains(nodes[a.Addr()], e.Node) {
					nodes[a.Addr()] = append(nodes[a.Addr()], e.Node)
				}
			}
		}
	}
	return nodes
}

// seenAt returns a function that tells when a frame of the capture was seen:
// as its segment's event says.
func seenAt(events []probes.Event) func(frame uint64, at time.Time) probes.Mono {
	var times []probes.Mono
	var last probes.Mono
	for i := range events {
		s := events[i].Segment
		if s == nil || s.Capture == 0 || s.Capture > uint64(len(events))*64 {
			continue
		}
		for uint64(len(times)) <= s.Capture {
			times = append(times, 0)
		}
		times[s.Capture] = events[i].Time
	}
	return func(frame uint64, _ time.Time) probes.Mono {
		if frame < uint64(len(times)) && times[frame] != 0 {
			last = times[frame]
		}
		return last // frames come in the order of time
	}
}

package timeline_test

import (
	"fmt"
	"strings"

	"netlab/probes"
	"netlab/probes/timeline"
)

// render writes a timeline compactly, for golden files. Times are in
// microseconds since the window opened, or since the first event.
func render(t *timeline.Timeline) string {
	var b strings.Builder
	origin := t.Open
	if origin == 0 && len(t.Events) > 0 {
		origin = t.Events[0].Time
	}
	fmt.Fprintf(&b, "complete %t  events %d  segments %d\n", t.Complete, len(t.Events), len(t.Segments))
	for _, s := range t.Steps {
		fmt.Fprintf(&b, "step %d %s %q reply %d  e%d-e%d\n", s.Index, s.Verb, s.Name, s.Reply, s.Begun, s.Ended)
	}
	for _, l := range t.Listeners {
		fmt.Fprintf(&b, "listener %s %s %s  %s\n", l.Node, l.Flow.Local, l.Workload, witnesses(l.Witnesses))
	}
	for _, c := range t.Connections {
		fmt.Fprintf(&b, "connection %d  %s %s -> %s %s  step %d  server %s\n", c.Ordinal,
			c.Opener.Node, c.Opener.Flow.Local, c.Acceptor.Node, c.Acceptor.Flow.Local, c.Step, c.Server)
		for _, tr := range c.Translations {
			fmt.Fprintf(&b, "  %s: %s -> %s => %s -> %s\n", tr.Node, tr.Before.Local, tr.Before.Remote, tr.After.Local, tr.After.Remote)
		}
		for _, s := range c.Segments {
			renderSegment(&b, s)
		}
		for _, x := range c.TLS {
			fmt.Fprintf(&b, "  e%d %s: %s %s, frame %d\n", x.Event, x.From.Node, x.Record, x.Message, frameOf(x.Segment))
		}
		for _, x := range c.Found {
			fmt.Fprintf(&b, "  e%d %s: %q %d times, in %d frames\n", x.Event, x.From.Node, x.Text, x.Count, len(x.Segments))
		}
		for _, x := range c.Tracks {
			fmt.Fprintf(&b, "  e%d %s: %s %s, begun by %s\n", x.Event, x.Node, x.Change, x.State, x.Original.Node)
		}
		for _, e := range c.Ends() {
			renderEndpoint(&b, e, origin)
		}
	}
	for _, s := range t.Segments {
		if s.Connection == nil {
			b.WriteString("stray\n")
			renderSegment(&b, s)
		}
	}
	for _, g := range t.Gates {
		fmt.Fprintf(&b, "gate %s", g.Link)
		for _, a := range g.Passed {
			fmt.Fprintf(&b, "  %s->%s %d frames", a.Node, a.To, a.Frames)
		}
		for _, a := range g.Rules {
			fmt.Fprintf(&b, "  %s %d times", a.Rule, a.Times)
		}
		for _, h := range g.Held {
			fmt.Fprintf(&b, "  holds frame %d by %s", frameOf(h.Segment), h.Rule)
		}
		b.WriteString("\n")
	}
	for _, l := range t.Losses {
		fmt.Fprintf(&b, "loss e%d %s %s %s %d\n", l.Event, l.Source, l.Node, l.What, l.Count)
	}
	for _, n := range t.Notes {
		fmt.Fprintf(&b, "note %s  endpoint %d  %v\n", n.Name, n.Endpoint.Ordinal, n.Events)
	}
	for _, c := range t.Conflicts {
		fmt.Fprintf(&b, "CONFLICT endpoint %d  %s  %v\n", c.Endpoint.Ordinal, c.Text, c.Events)
	}
	return b.String()
}

func renderSegment(b *strings.Builder, s *timeline.Segment) {
	fmt.Fprintf(b, "  %3d %s -> %s  %s", s.Frame, s.From, s.To, s.Flags)
	if s.Len > 0 {
		fmt.Fprintf(b, " len %d", s.Len)
	}
	for _, tap := range s.Taps {
		fmt.Fprintf(b, "  %s/%s/%s e%d", tap.Node, tap.Link, tap.Dir, tap.Event)
	}
	if s.Arrived() == 0 {
		b.WriteString("  lost")
	}
	if s.Retransmission {
		b.WriteString("  again")
	}
	if s.Copies > 0 {
		fmt.Fprintf(b, "  copies %d", s.Copies)
	}
	if s.Forged {
		b.WriteString("  forged")
	}
	if s.Injected {
		b.WriteString("  injected")
	}
	if s.Repeats > 0 {
		fmt.Fprintf(b, "  repeats %d", s.Repeats)
	}
	for _, a := range s.Acts {
		fmt.Fprintf(b, "  %s by %s e%d", a.Do, a.Rule, a.Event)
	}
	if s.Acks() != s.Ack {
		fmt.Fprintf(b, "  acks %+d", int32(s.Acks()-s.Ack))
	}
	if s.Teardown {
		b.WriteString("  teardown")
	}
	b.WriteString("\n")
}

func frameOf(s *timeline.Segment) int {
	if s == nil {
		return 0
	}
	return s.Frame
}

func renderEndpoint(b *strings.Builder, e *timeline.Endpoint, origin probes.Mono) {
	fmt.Fprintf(b, "  endpoint %d  %s  %d:%d  %s\n", e.Ordinal, e.Node, e.Sock.NetNS, e.Sock.Cookie, e.Workload)
	for _, v := range e.History {
		at := "-"
		if v.From != 0 {
			at = fmt.Sprint(int64(v.From-origin) / 1000)
		}
		fmt.Fprintf(b, "    %-13s %8s  %s", v.State, at, witnesses(v.Witnesses))
		if v.Teardown {
			b.WriteString("  teardown")
		}
		b.WriteString("\n")
	}
	for _, class := range []probes.Class{probes.KernelEvents, probes.KernelState, probes.Model} {
		view := e.Views[class]
		var names []string
		for _, v := range view.Visits {
			names = append(names, v.State.String())
		}
		why := "whole"
		if !view.Whole {
			why = "not whole: " + view.Why
		}
		if class == probes.KernelState && len(names) > 0 {
			why = ""
		}
		fmt.Fprintf(b, "    %s %s  %s\n", class, strings.Join(names, " "), why)
	}
}

func witnesses(list []timeline.Witness) string {
	var names []string
	for _, w := range list {
		names = append(names, fmt.Sprintf("%s e%d %s", w.Source, w.Event, w.Grade))
	}
	return strings.Join(names, ", ")
}

// states writes a path as a line.
func states(path []timeline.Visit) string {
	var names []string
	for _, v := range path {
		names = append(names, v.State.String())
	}
	return strings.Join(names, " ")
}

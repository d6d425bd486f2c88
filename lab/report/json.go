package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"netlab/lab/check"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// Format is the version of report.json.
const Format = 1

// document is report.json. Keys stand in the order of its fields.
type document struct {
	Format      int               `json:"netlab_report"`
	Scenario    string            `json:"scenario"`
	Variant     string            `json:"variant"`
	Title       map[string]string `json:"title,omitempty"`
	Claim       map[string]string `json:"claim,omitempty"`
	Finding     scenarios.Finding `json:"finding,omitempty"`
	Reason      map[string]string `json:"reason,omitempty"`
	References  []string          `json:"references,omitempty"`
	Outcome     check.Outcome     `json:"outcome"`
	Exit        int               `json:"exit"`
	NotAtRest   []string          `json:"not_at_rest,omitempty"` // settle steps that ran out of time
	Settings    []plan.Setting    `json:"settings,omitempty"`
	Record      *record           `json:"record,omitempty"`
	Connections []connection      `json:"connections,omitempty"`
	Steps       []step            `json:"steps,omitempty"`
	Judgement   json.RawMessage   `json:"judgement"`
	NotRun      []string          `json:"not_run,omitempty"`
	Directory   string            `json:"run_directory,omitempty"`
	Elapsed     time.Duration     `json:"elapsed_ns,omitempty"`
	Up          time.Duration     `json:"up_ns,omitempty"`
	Breakdown   []Phase           `json:"breakdown,omitempty"`
}

// record says how the run was observed.
type record struct {
	Version   string               `json:"version"`
	Kernel    string               `json:"kernel"`
	Started   time.Time            `json:"started"`
	Seed      uint64               `json:"seed"`
	Root      bool                 `json:"root"`
	Complete  bool                 `json:"complete"`
	Events    int                  `json:"events"`
	Segments  int                  `json:"segments"`
	Probes    []probes.ProbeStatus `json:"probes"`
	Losses    []loss               `json:"losses,omitempty"`
	Conflicts []string             `json:"conflicts,omitempty"`
	Services  []probes.Service     `json:"services,omitempty"`
	Programs  []probes.Program     `json:"programs,omitempty"`
	Starved   []starved            `json:"starved,omitempty"`
	Observe   probes.Observe       `json:"observe,omitempty"`
	Gates     []gate               `json:"gates,omitempty"`
}

// starved is a moment at which the machine kept the run waiting.
type starved struct {
	At   float64 `json:"ms"`             // since the first segment of the run
	Node string  `json:"node,omitempty"` // "" for the run itself
	Late float64 `json:"late_ms"`
}

// step is a step as it ran. What came with it stands in events.jsonl.
type step struct {
	Index    int     `json:"index"`
	Verb     string  `json:"verb"`
	Name     string  `json:"name,omitempty"`
	At       float64 `json:"ms"` // since the first segment of the run
	Took     float64 `json:"took_ms"`
	Ended    bool    `json:"ended"`
	Error    string  `json:"error,omitempty"`
	Reply    int     `json:"reply,omitempty"`
	Status   int     `json:"status,omitempty"`
	Exit     *int    `json:"exit,omitempty"`
	Bytes    int64   `json:"bytes,omitempty"`
	Protocol string  `json:"protocol,omitempty"`
	Secure   string  `json:"tls,omitempty"`
	Reused   bool    `json:"reused,omitempty"`
}

type loss struct {
	Source probes.Source `json:"source"`
	Node   string        `json:"node,omitempty"`
	What   string        `json:"what"`
	Count  uint64        `json:"count"`
}

// connection is what report.json says of a connection: its ends with their
// states, and the frames of its opening and closing. All else is in
// events.jsonl.
type connection struct {
	Name     string `json:"name"`
	Step     int    `json:"step,omitempty"`
	Server   string `json:"server,omitempty"`
	Opener   end    `json:"opener"`
	Acceptor end    `json:"acceptor"`
	// Translations are in the order of travel from the opener.
	Translations []translation `json:"translations,omitempty"`
	Segments     int           `json:"segments"`
	Bytes        int64         `json:"bytes"` // of payload, without what was sent again
	Resent       int           `json:"retransmissions"`
	TLS          *secure       `json:"tls,omitempty"`
	Acts         []act         `json:"acts,omitempty"` // of gates; not those of lockstep
	Injected     []frame       `json:"injected,omitempty"`
	Opening      []frame       `json:"opening"`
	Closing      []frame       `json:"closing"`
	Close        *closed       `json:"close,omitempty"` // in how many segments, and what was foreseen
}

// translation says how a middlebox rewrote the addresses of what the opener
// sent.
type translation struct {
	Node   string `json:"node"`
	Before pair   `json:"before"`
	After  pair   `json:"after"`
}

// pair is the addresses of a segment.
type pair struct {
	From string `json:"from"`
	For  string `json:"to"`
}

// secure is what the wire shows of TLS on a connection.
type secure struct {
	Name    string   `json:"server_name,omitempty"` // that the client_hello asked for
	Version string   `json:"version,omitempty"`
	Cipher  string   `json:"cipher,omitempty"`
	ALPN    []string `json:"alpn,omitempty"`   // offered; agreed on where that could be read
	Alerts  []string `json:"alerts,omitempty"` // that could be read: "client bad_certificate"
}

type end struct {
	Node    string          `json:"node"`
	Name    string          `json:"name"` // as expectations and patterns name it
	Address string          `json:"address"`
	Socket  probes.SocketID `json:"socket,omitzero"`
	States  []visit         `json:"states"`
	Objects []span          `json:"objects,omitempty"` // what the kernel kept it as
	Resets  []reset         `json:"resets,omitempty"`  // that it sent, and that ended it
	Faults  []told          `json:"faults,omitempty"`  // errors that its socket was given
	Resent  []told          `json:"resent,omitempty"`  // by the kernel's word
	Drops   []told          `json:"drops,omitempty"`   // segments for it that TCP threw away
	Tally   *probes.Tally   `json:"tally,omitempty"`   // what its full socket had done
}

type visit struct {
	State     probes.State `json:"state"`
	At        float64      `json:"ms"` // since the first segment of the run
	Witnesses []witness    `json:"seen_by"`
}

type witness struct {
	Source probes.Source `json:"source"`
	Grade  probes.Grade  `json:"grade"`
	Event  uint64        `json:"event"`
}

type frame struct {
	Frame int                   `json:"frame"`
	At    float64               `json:"ms"`
	From  string                `json:"from"`
	Word  scenarios.SegmentWord `json:"word"`
	Seq   uint32                `json:"seq"` // relative to the first SYN of its sender
	Ack   uint32                `json:"ack"` // relative to that of the receiver

	ForgedBy    string `json:"forged_by,omitempty"`   // the node that sent it in the name of From
	Injected    bool   `json:"injected,omitempty"`    // a gate made it
	Stopped     bool   `json:"stopped,omitempty"`     // on the way
	Corrupted   bool   `json:"corrupted,omitempty"`   // it arrived, and its checksum did not fit
	Undelivered bool   `json:"undelivered,omitempty"` // it arrived, and the receiver's TCP never acted on it
}

// maxClosing bounds the frames of a closing in report.json.
const maxClosing = 1000

// JSON writes report.json.
func JSON(w io.Writer, run Run) error {
	sc := run.Scenario
	var judgement bytes.Buffer
	if err := Verdicts(&judgement, run.Judgement); err != nil {
		return err
	}
	d := document{
		Format: Format, Scenario: sc.Name, Variant: run.Variant,
		Title: texts(sc.Title), Claim: texts(sc.Claim), Finding: sc.Finding, Reason: texts(sc.Reason), References: sc.References,
		Outcome: run.Judgement.Outcome, Exit: run.Exit, Judgement: judgement.Bytes(),
		Directory: run.RunDir, Elapsed: run.Elapsed, Up: run.UpTime, Breakdown: run.Breakdown,
	}
	if run.Plan != nil {
		d.Settings = run.Plan.Settings
	}
	for _, v := range run.NotRun {
		d.NotRun = append(d.NotRun, v.Name)
	}
	if tl := run.Timeline; tl != nil {
		d.Record = recordOf(tl)
		for _, c := range tl.Connections {
			d.Connections = append(d.Connections, connectionOf(run, c))
		}
		d.Steps = stepsOf(tl)
		d.NotAtRest = unrested(run)
	}
	if d.large() {
		return compact(w, d)
	}
	return encode(w, d)
}

// indented bounds the segments up to which the document is laid out for
// people, too: laying out a hundred megabytes takes longer than writing them.
const indented = 10_000

// large reports whether the document is for programs only.
func (d *document) large() bool {
	n := 0
	for i := range d.Connections {
		n += d.Connections[i].Segments
	}
	return n > indented
}

// compact writes a document in one line.
func compact(w io.Writer, v any) error {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// Verdicts writes a judgement: the part of a report that depends on the
// record and the scenario alone. Judging a recorded run again gives the same
// bytes, wherever its files lie: positions name no file.
func Verdicts(w io.Writer, j *check.Judgement) error { return encode(w, withoutFiles(j)) }

// withoutFiles returns a judgement whose positions name no file.
func withoutFiles(j *check.Judgement) check.Judgement {
	out := *j
	out.Verdicts = make([]check.Verdict, len(j.Verdicts))
	for i, v := range j.Verdicts {
		v.At.File = ""
		out.Verdicts[i] = v
	}
	return out
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// texts writes a text by language. (encoding/json sorts the keys.)
func texts(t scenarios.Text) map[string]string {
	m := map[string]string{}
	if t.EN != "" {
		m["en"] = t.EN
	}
	if t.ZH != "" {
		m["zh"] = t.ZH
	}
	return m
}

func recordOf(tl *timeline.Timeline) *record {
	h := tl.Header
	r := &record{
		Version: h.Version, Kernel: h.Kernel, Started: h.Started, Seed: h.Seed, Root: h.Root, Complete: tl.Complete,
		Events: len(tl.Events), Segments: len(tl.Segments), Probes: h.Probes,
	}
	for _, l := range tl.Losses {
		r.Losses = append(r.Losses, loss{Source: l.Source, Node: l.Node, What: l.What, Count: l.Count})
	}
	for _, c := range tl.Conflicts {
		r.Conflicts = append(r.Conflicts, c.Text)
	}
	r.Services, r.Programs, r.Observe = h.Services, h.Programs, h.Observe
	zero := start(tl)
	for _, g := range tl.Gates {
		r.Gates = append(r.Gates, gateOf(g, zero))
	}
	for _, s := range tl.Starved {
		r.Starved = append(r.Starved, starved{At: float64(s.Time.Sub(zero)) / 1e6, Node: s.Node, Late: float64(s.Late) / 1e6})
	}
	return r
}

func stepsOf(tl *timeline.Timeline) []step {
	zero := start(tl)
	var list []step
	for _, s := range tl.Steps {
		x := step{Index: s.Index, Verb: s.Verb, Name: s.Name, At: float64(s.Start.Sub(zero)) / 1e6, Ended: s.End != 0, Error: s.Error, Reply: s.Reply,
			Status: s.Status, Exit: s.Exit, Bytes: s.Bytes, Protocol: s.Protocol, Secure: s.Secure, Reused: s.Reused}
		if x.Ended {
			x.Took = float64(s.Duration()) / 1e6
		}
		list = append(list, x)
	}
	return list
}

// secureOf sums up the handshake of a connection, nil if it has none.
func secureOf(c *timeline.Connection) *secure {
	if len(c.TLS) == 0 {
		return nil
	}
	out := &secure{}
	for _, r := range c.TLS {
		switch {
		case r.Message == "client_hello" && len(r.Names) > 0:
			out.Name, out.ALPN = r.Names[0], r.ALPN
		case r.Message == "client_hello":
			out.ALPN = r.ALPN
		case r.Message == "server_hello":
			out.Version, out.Cipher = r.Version, r.Cipher
			if len(r.ALPN) > 0 {
				out.ALPN = r.ALPN
			}
		case r.Alert != "" && r.From != nil:
			out.Alerts = append(out.Alerts, check.EndName(c, r.From)+" "+r.Alert)
		}
	}
	return out
}

func connectionOf(run Run, c *timeline.Connection) connection {
	zero := start(run.Timeline)
	out := connection{
		Name: name(run, c), Step: c.Step, Server: c.Server, Segments: len(c.Segments),
		Opener: endOf(run.Timeline, c, c.Opener, zero), Acceptor: endOf(run.Timeline, c, c.Acceptor, zero),
	}
	for _, s := range c.Segments {
		if s.Retransmission {
			out.Resent++
		} else {
			out.Bytes += int64(s.Len)
		}
	}
	out.TLS, out.Close = secureOf(c), closedOf(run, c)
	for _, t := range c.Translations {
		out.Translations = append(out.Translations, translation{Node: t.Node, Before: pairOf(t.Before), After: pairOf(t.After)})
	}
	frames := check.Frames(c)
	isn := isns(frames)
	closing := check.Closing(frames)
	var made []check.Frame
	for _, f := range frames {
		if f.Injected && len(made) < maxClosing {
			made = append(made, f)
		}
	}
	if len(made) > 0 {
		out.Injected = framesOf(c, made, isn, zero)
	}
	out.Acts = actsOf(c, frames, zero)
	out.Opening = framesOf(c, check.Opening(frames), isn, zero)
	out.Closing = framesOf(c, closing[:min(len(closing), maxClosing)], isn, zero)
	return out
}

func pairOf(f probes.Flow) pair { return pair{From: f.Local.String(), For: f.Remote.String()} }

func endOf(tl *timeline.Timeline, c *timeline.Connection, e *timeline.Endpoint, zero probes.Mono) end {
	out := end{Node: e.Node, Name: check.EndName(c, e), Address: e.Flow.Local.String(), Socket: e.Sock, States: []visit{}}
	for _, v := range e.History {
		if v.Teardown {
			continue
		}
		out.States = append(out.States, visit{State: v.State, At: float64(v.From.Sub(zero)) / 1e6, Witnesses: witnessesOf(v.Witnesses)})
	}
	out.told(tl, e, zero)
	return out
}

func framesOf(c *timeline.Connection, frames []check.Frame, isn [2]uint32, zero probes.Mono) []frame {
	out := []frame{}
	for _, f := range frames {
		me, peer := isn[1], isn[0]
		if f.Opener {
			me, peer = peer, me
		}
		x := frame{Frame: f.Frame, At: float64(f.Sent().Sub(zero)) / 1e6, From: check.EndName(c, f.End), Word: f.Word, Seq: f.Seq - me,
			Injected: f.Injected, Stopped: f.Stopped(), Corrupted: f.Corrupted, Undelivered: f.Undelivered}
		if f.Forged {
			x.ForgedBy = f.From
		}
		if f.Flags.Has(probes.ACK) {
			x.Ack = f.Acks() - peer
		}
		out = append(out, x)
	}
	return out
}

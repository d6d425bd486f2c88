package check

import (
	"fmt"
	"slices"
	"strings"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// unobserved is the value of what may have been overlooked.
const unobserved = "not observed"

// noConnection is the value of what is expected of a connection that was not.
const noConnection = "no connection"

// tally observes what the scenario wants counted over its runs, whether it
// is expected or not.
func (j *judge) tally() []Observation {
	var out []Observation
	for _, name := range j.sc.Tally {
		out = append(out, Observation{Name: name, Value: j.observe(name)})
	}
	return out
}

// observe returns the value of an expectation by its name. Names may hold
// dots themselves: the names that the scenario allows are tried.
func (j *judge) observe(name string) string {
	for _, conn := range j.connectionNames() {
		if rest, ok := cutName(name, conn); ok {
			c := Connection(j.tl, j.sc, conn)
			if c == nil {
				return noConnection
			}
			if value, ok := j.observeConnection(c, rest); ok {
				return value
			}
		}
	}
	for i := range j.sc.Steps {
		if as := common(&j.sc.Steps[i]).As; as != "" {
			if rest, ok := cutName(name, "steps."+as); ok {
				return j.stepValue(j.step(j.sc.Steps[i].Index), "steps."+as+"."+rest, Kind(rest))
			}
		}
	}
	for _, s := range j.sc.Servers {
		if name == "connection_count."+s.Name {
			n := 0
			for _, c := range j.tl.Connections {
				if c.Server == s.Name {
					n++
				}
			}
			return fmt.Sprint(n)
		}
	}
	if strings.HasPrefix(name, "ratios.") {
		return j.observeRatio(name)
	}
	for _, v := range j.verdicts {
		if v.Name == name {
			return v.Got
		}
	}
	return unobserved
}

// connectionNames returns all names that may mean a connection.
func (j *judge) connectionNames() []string {
	var names []string
	for _, n := range j.sc.Connections {
		names = append(names, n.Name)
	}
	for i := range j.sc.Steps {
		if as := common(&j.sc.Steps[i]).As; as != "" && !slices.Contains(names, as) {
			names = append(names, as)
		}
	}
	return names
}

func cutName(name, head string) (string, bool) {
	if len(name) > len(head)+1 && name[:len(head)] == head && name[len(head)] == '.' {
		return name[len(head)+1:], true
	}
	return "", false
}

// observeConnection returns the value of an expectation on a connection.
// What the wire tells is said only where the wire is whole.
func (j *judge) observeConnection(c *timeline.Connection, what string) (string, bool) {
	frames := j.read(c)
	var value string
	switch Kind(what) {
	case OpeningKind:
		value = framesText(c, Opening(frames), true)
	case ClosingKind:
		value = framesText(c, Closing(frames), false)
	case FirstFINKind:
		var ends []*timeline.Endpoint
		if f := firstFIN(frames); f != nil {
			ends = append(ends, f.End)
		}
		value = endsText(c, ends)
	case TimeWaitKind:
		var ends []*timeline.Endpoint
		for _, e := range c.Ends() {
			if visitTo(e, probes.TimeWait) != nil {
				ends = append(ends, e)
			}
		}
		value = endsText(c, ends)
	case ResetsKind, RetransmissionsKind:
		var v Verdict
		if Kind(what) == ResetsKind {
			j.resets(&v, c, scenarios.Count{Max: -1})
		} else {
			j.retransmissions(&v, c, scenarios.Count{Max: -1})
		}
		value = v.Got
	case TLSKind, AlertsKind, CloseNotifyKind:
		return j.observeSecure(c, Kind(what)), true
	case ResetReasonsKind:
		var v Verdict
		j.resetReasons(&v, c, nil)
		if v.Outcome == Inconclusive {
			return unobserved, true
		}
		return v.Got, true
	case VisibleKind, HiddenKind:
		return j.judged(func(v *Verdict) bool {
			return v.Kind == Kind(what) && Connection(j.tl, j.sc, headOf(v.Name, what)) == c
		}), true
	default:
		for _, e := range c.Ends() {
			for _, name := range []string{EndName(c, e), scenarios.Opener, scenarios.Acceptor} {
				if x, _ := findEnd(c, name); x == e && what == name+".states" {
					return pathText(path(judged(e))), true
				}
			}
		}
		return "", false
	}
	if j.wireDoubt(c) != nil {
		return unobserved, true
	}
	return value, true
}

// observeSecure returns what there was of TLS.
func (j *judge) observeSecure(c *timeline.Connection, kind Kind) string {
	var v Verdict
	switch kind {
	case TLSKind:
		j.tlsVersion(&v, c, "")
	case AlertsKind:
		j.alerts(&v, c, nil)
	default:
		j.closeNotify(&v, c, scenarios.Who{Any: []string{scenarios.Opener, scenarios.Acceptor, scenarios.Both, scenarios.Nobody}})
	}
	if v.Outcome == Inconclusive {
		return unobserved
	}
	return v.Got
}

// judged returns what the verdicts that fit saw.
func (j *judge) judged(fits func(*Verdict) bool) string {
	var parts []string
	for i := range j.verdicts {
		if fits(&j.verdicts[i]) {
			parts = append(parts, j.verdicts[i].Got)
		}
	}
	if len(parts) == 0 {
		return unobserved
	}
	return strings.Join(parts, "; ")
}

// headOf returns what stands before the kind in a verdict's name.
func headOf(name, kind string) string {
	head, _, _ := strings.Cut(name, "."+kind)
	return head
}

func (j *judge) stepValue(s *timeline.Step, name string, kind Kind) string {
	if s == nil || s.End == 0 {
		return unobserved
	}
	switch kind {
	case ReplyKind:
		return fmt.Sprint(s.Reply)
	case FailsKind:
		return yesNo(s.Error != "")
	case BytesKind:
		return fmt.Sprint(s.Bytes)
	case TextKind:
		return s.Text
	case StatusKind:
		return fmt.Sprint(s.Status)
	case ExitKind:
		if s.Exit != nil {
			return fmt.Sprint(*s.Exit)
		}
	case ErrorKind:
		return orNone(s.Error)
	case ProtocolKind:
		return orNone(s.Protocol)
	case TLSKind:
		return orNone(s.Secure)
	case RowsKind:
		if s.Rows != nil {
			return fmt.Sprint(*s.Rows)
		}
	case InterimKind:
		return fmt.Sprint(s.Interim)
	case RequestsKind:
		return listText(s.Requests)
	case CookiesKind:
		return listText(s.Sent)
	case ContentKind, LacksKind:
		return quoted(s.Content)
	}
	return j.judged(func(v *Verdict) bool { return v.Name == name || strings.HasPrefix(v.Name, name+".") })
}

package step

import (
	"fmt"
	"strings"

	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// A look is how a line stands out. Nothing depends on it.
type look int

const (
	normal look = iota
	heading
	selected
)

// A line is one of the screen, without attributes of text.
type line struct {
	text string
	look look
}

// Heights of what is always there, in lines: title, ends, headings of the
// waiting frames and of the ladder, the line that says something, the keys.
const fixedLines = 1 + 2 + 1 + 1 + 1 + 1 + 1

// shares divides the other lines of a window of a height among waiting frames,
// headers, prediction and ladder: what is where depends on nothing else, so
// nothing jumps about.
func shares(height int) (waiting, headers, prediction, ladder int) {
	left := height - fixedLines
	take := func(want int) int {
		n := min(want, max(left, 0))
		left -= n
		return n
	}
	if height < 18 {
		waiting = take(2)
		ladder = take(2)
		headers = take(3)
		prediction = take(1)
		return waiting, headers + take(left), prediction, ladder
	}
	waiting = take(max(3, height/7))
	headers = take(5 + min(max(height-28, 0)/4, 3))
	prediction = take(3 + max(height-28, 0)/8)
	return waiting, headers, prediction, max(left, 0)
}

// screen returns the lines of the window: as many as it has.
func (m *model) screen() []line {
	if m.width < 24 || m.height < fixedLines+2 {
		return m.tiny()
	}
	out := []line{{m.titleLine(), heading}}
	if m.mode == helping {
		out = append(out, line{m.rule(m.say(words.StepHelpHead)), heading})
		out = append(out, m.fill(m.helpLines(), m.height-4)...)
	} else {
		out = append(out, m.body()...)
	}
	out = append(out, line{m.statusLine(), normal}, line{m.keysLine(), normal})
	for i := range out {
		out[i].text = strings.TrimRight(m.cut(out[i].text, m.width), " ")
	}
	return out
}

// body is what is between the title and the last two lines.
func (m *model) body() []line {
	waiting, headers, prediction, ladder := shares(m.height)
	out := m.fill(m.endLines(), 2)
	out = append(out, line{m.rule(m.waitingHead()), heading})
	out = append(out, m.waitingLines(waiting)...)
	out = append(out, line{m.rule(m.frameHead()), heading})
	out = append(out, m.aboutLines(headers, prediction)...)
	out = append(out, line{m.rule(m.ladderHead()), heading})
	return append(out, m.tail(m.ladderLines(), ladder)...)
}

// tiny is the screen of a window that is too small for more.
func (m *model) tiny() []line {
	lines := []string{m.titleLine(), m.waitingHead()}
	if f, ok := m.current(); ok {
		lines = append(lines, m.frameLine(f, false))
	}
	lines = append(lines, m.predictionLines()...)
	lines = append(lines, m.statusLine(), m.keysLine())
	lines = lines[:min(len(lines), max(m.height, 0))]
	out := make([]line, len(lines))
	for i, l := range lines {
		out[i] = line{text: strings.TrimRight(m.cut(l, m.width), " ")}
	}
	return out
}

// fill makes n lines of some; what does not fit is marked as cut.
func (m *model) fill(lines []string, n int) []line {
	out := make([]line, n)
	for i := range out {
		if i < len(lines) {
			out[i].text = lines[i]
		}
	}
	if n > 0 && len(lines) > n {
		out[n-1].text = strings.TrimSuffix(m.cut(out[n-1].text, m.width-3), " ..") + " .."
	}
	return out
}

// aboutLines tells the chosen frame: its headers, and below them what happens
// next, which has the room that they leave.
func (m *model) aboutLines(headers, prediction int) []line {
	head, next := m.headerLines(), m.predictionLines()
	below := min(len(next), prediction+max(headers-len(head), 0))
	return append(m.fill(head, headers+prediction-below), m.fill(next, below)...)
}

// tail is fill for the last of many lines, scrolled back as the user likes.
func (m *model) tail(lines []string, n int) []line {
	m.back = min(m.back, max(len(lines)-n, 0))
	lines = lines[:len(lines)-m.back]
	return m.fill(lines[max(len(lines)-n, 0):], n)
}

// rule draws a heading across the window.
func (m *model) rule(text string) string {
	text = "-- " + m.cut(text, m.width-6) + " "
	return text + strings.Repeat("-", max(0, m.width-m.wide(text)))
}

func (m *model) titleLine() string {
	state := ""
	switch {
	case m.view.Err != nil:
		state = m.say(words.StepBroken)
	case m.view.Done:
		state = m.say(words.StepEnded)
	case m.goal != nil && m.goal.all:
		state = m.say(words.StepRunning)
	case m.goal != nil:
		state = m.say(words.StepRunningTo, m.goal.match.String())
	}
	text := join(m.cut(plainly(m.view.Doing), m.width/2), "  ", plainly(state))
	room := m.width - m.wide(text) - 2
	return m.fit(plainly(m.Title), max(room, 0)) + "  " + text
}

// endLines tells both ends of the connection: who, state, queues, timer.
func (m *model) endLines() []string {
	p, ok := m.pair()
	if !ok {
		return []string{m.say(words.StepNoConnection)}
	}
	cells := (m.width - 3) / 2
	var who, what [2]string
	for i, s := range p.sides {
		who[i] = m.name(p, i) + "  " + m.view.state(p, i).String()
		what[i] = m.queues(s)
	}
	lay := func(x [2]string) string { return m.fit(x[0], cells) + " | " + m.cut(x[1], cells) }
	return []string{lay(who), lay(what)}
}

// name names an end with its port: where the kernel chose that, it is not
// stable.
func (m *model) name(p pair, i int) string {
	local := p.sides[i].flow.Local
	node, port := m.cut(plainly(p.sides[i].node), 24), local.Port()
	if node == "" && local.IsValid() {
		return local.String()
	}
	if port == 0 || m.stable && port >= ephemeral {
		return node
	}
	return fmt.Sprintf("%s:%d", node, port)
}

// queues tells the queues and the timer of an end.
func (m *model) queues(s side) string {
	x, ok := m.view.socket(s)
	switch {
	case !ok && m.view.listens(s):
		return m.say(words.StepListens)
	case !ok:
		return m.say(words.StepNoSocket)
	}
	text := m.say(words.StepQueues, x.RQueue, x.WQueue)
	if x.Timer == "" {
		return text
	}
	timer := plainly(x.Timer)
	if id, ok := timers[x.Timer]; ok {
		timer = m.say(id)
	}
	switch {
	case m.stable || x.Expires == 0:
		timer = m.say(words.StepTimer, plainly(x.Timer))
	default:
		timer = m.say(words.StepTimerIn, timer, m.in(x.Expires))
	}
	return text + "  " + timer
}

// timers says what happens when a timer fires, by the names of ss(8).
var timers = map[string]words.ID{
	"on": words.StepTimerOn, "keepalive": words.StepTimerKeepAlive, "timewait": words.StepTimerTimeWait, "persist": words.StepTimerPersist,
}

func (m *model) waitingHead() string {
	return m.say(words.StepWaiting, len(m.waiting()))
}

// waitingLines lists the frames that wait: n lines, around the chosen one.
func (m *model) waitingLines(n int) []line {
	waiting := m.waiting()
	at := 0
	chosen, _ := m.current()
	for i, f := range waiting {
		if idOf(f) == idOf(chosen) {
			at = i
		}
	}
	first := min(max(at-n/2, 0), max(len(waiting)-n, 0))
	out := make([]line, n)
	for i := range out {
		if first+i >= len(waiting) {
			break
		}
		f := waiting[first+i]
		out[i].text = m.frameLine(f, first+i == at)
		if first+i == at {
			out[i].look = selected
		}
	}
	return out
}

// frameLine tells a frame in a line, marked if it is chosen.
func (m *model) frameLine(f gate.Frame, chosen bool) string {
	mark := "  "
	if chosen {
		mark = "> "
	}
	return mark + m.frameText(&m.view, f)
}

// frameText tells a frame: who to whom, what, how often.
func (p pen) frameText(v *View, f gate.Frame) string {
	text := p.route(v, f) + "  " + p.label(v, f)
	if rule := heldBy(f); rule != "" {
		text += "  " + p.say(words.StepHeldBy, p.cut(plainly(rule), 24))
	}
	return join(text, "  ", p.said(f))
}

// route tells where a frame comes from and goes to: "client -> server:21". The
// port tells which connection it belongs to. On the way over several links the
// arrow is where it waits: "client .. router -> server:21".
func (p pen) route(v *View, f gate.Frame) string {
	name := func(node string) string { return p.cut(plainly(node), 24) }
	from, to := name(f.From), name(f.To)
	if f.Flow.Complete() {
		ends, sender := v.find(f)
		mine, other := p.port(f.Flow.Local.Port(), sender == 1), p.port(f.Flow.Remote.Port(), sender == 0)
		if source := ends.sides[sender].node; source != "" && source != f.From {
			from = name(source) + mine + " .. " + from
		} else {
			from += mine
		}
		if target := ends.sides[1-sender].node; target != "" && target != f.To {
			to += " .. " + name(target) + other
		} else {
			to += other
		}
	}
	return from + " -> " + to
}

// port writes the port of an end. The kernel's choice says nothing but of who
// was connected to.
func (p pen) port(port uint16, acceptor bool) string {
	switch {
	case port == 0 || port >= ephemeral && !acceptor:
		return ""
	case p.stable:
		return ":" + stablePort(port)
	}
	return fmt.Sprintf(":%d", port)
}

// heldBy returns the rule that holds a frame, "" if it waits for the hand.
func heldBy(f gate.Frame) string {
	if f.Rule == probes.ByHand || f.Rule == probes.ByLockstep {
		return ""
	}
	return f.Rule
}

func (m *model) frameHead() string {
	f, ok := m.current()
	if !ok {
		return m.say(words.StepNoFrame)
	}
	text := m.say(words.StepFrameOn, plainly(f.Link))
	if number := m.view.called(f).frame; number > 0 && !m.stable { // repetitions count, too
		text = m.say(words.StepFrameHead, number, plainly(f.Link))
	}
	if rule := heldBy(f); rule != "" {
		text += ", " + m.say(words.StepHeldBy, plainly(rule))
	}
	return text
}

// labelled lays out fields in lines of width cells, with their labels in a
// column.
func (p pen) labelled(fields []field, width int) []string {
	column := 10
	for _, f := range fields {
		column = max(column, p.wide(f.label)+2)
	}
	var out []string
	for _, f := range fields {
		for i, l := range p.wrap(f.text, width-column) {
			head := ""
			if i == 0 {
				head = f.label
			}
			out = append(out, p.pad(head, column)+l)
		}
	}
	return out
}

// headerLines tells the chosen frame header by header.
func (m *model) headerLines() []string {
	f, ok := m.current()
	if !ok {
		return nil
	}
	return m.labelled(m.headers(f), m.width)
}

// predictionLines says what happens next.
func (m *model) predictionLines() []string {
	f, ok := m.current()
	if !ok {
		return nil
	}
	return m.labelled(m.prediction(f), m.width)
}

func (m *model) prediction(f gate.Frame) []field {
	if m.Predict == nil {
		return nil
	}
	var out []field
	for i, text := range m.Predict(m.view, f) {
		x := field{text: plainly(text)}
		if i == 0 {
			x.label = "RFC 9293"
		}
		out = append(out, x)
	}
	return out
}

func (m *model) ladderHead() string {
	p, ok := m.pair()
	if !ok || p.conn == nil {
		return m.say(words.StepLadder)
	}
	return m.say(words.StepLadderOf, p.conn.Ordinal, len(m.view.Timeline.Connections), m.name(p, 0)+" -> "+m.name(p, 1))
}

// ladderLines draws what has passed.
func (m *model) ladderLines() []string {
	p, ok := m.pair()
	if !ok || p.conn == nil {
		return nil
	}
	if m.drawn.conn != p.conn || m.drawn.waiting != len(m.view.Waiting) {
		m.drawn = drawn{p.conn, len(m.view.Waiting), m.rungs(p.conn)}
	}
	var out []string
	for _, r := range m.drawn.rungs {
		out = append(out, m.ladderLine(r, m.drawn.rungs[0].time, m.width))
	}
	return out
}

// A drawn is a ladder as it was drawn last: a window is drawn more often than
// there are views.
type drawn struct {
	conn    *timeline.Connection
	waiting int
	rungs   []rung
}

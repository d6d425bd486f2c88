package scenarios

import (
	"net/netip"
	"slices"
	"strings"

	"netlab/scenarios/words"
)

// checkName accepts names that are safe in a path, on a command line and as
// a host name's first part.
func checkName(name string, most int) *fault {
	if name == "" || len(name) > most || !isNameStart(name[0]) {
		return bad(words.NameBad, quote(name), most)
	}
	for _, c := range []byte(name) {
		if !isNameStart(c) && c != '-' && c != '_' {
			return bad(words.NameBad, quote(name), most)
		}
	}
	return nil
}

func isNameStart(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// reserved lists the words that name ends, and so cannot name nodes.
func reserved() []string { return []string{Opener, Acceptor, Both, Nobody} }

// isHostName reports whether a name is one by RFC 1123, section 2.1.
func isHostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if !letterOrDigit(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

// A table says what names of one sort there are.
type table struct {
	names []string // in the order of the file
	index map[string]int
}

// add notes a name; it returns false if the table has it already.
func (t *table) add(name string, index int) bool {
	if _, ok := t.index[name]; ok {
		return false
	}
	if t.index == nil {
		t.index = map[string]int{}
	}
	t.index[name] = index
	t.names = append(t.names, name)
	return true
}

func (t *table) has(name string) bool {
	_, ok := t.index[name]
	return ok
}

// A checker holds a scenario together: it knows what its names refer to.
type checker struct {
	*decoder
	s           *Scenario
	nodes       table
	switches    table
	servers     table
	steps       table // by the name of the step, its index
	sessions    table // by the name, the index of the ftp.connect
	connections table
	ends        map[string]ends // by the connection's name
	ended       map[string]int  // by the session, the index of the step that closes it
	lost        map[string]bool // names of steps that could not be understood
	hosts       []string        // nodes and switches
	anyEnd      []string        // what a connection's ends can be called at all
}

// ends are the nodes that a connection is between; "" where it is not known
// before the run.
type ends struct{ a, b string }

// check reports everything that is wrong with a scenario whose values are
// each right in themselves.
func (d *decoder) check(s *Scenario) {
	c := &checker{decoder: d, s: s, ends: map[string]ends{}, ended: map[string]int{}, lost: map[string]bool{}}
	c.collect()
	c.collectConnections()
	c.resolve()
	c.checkTexts()
	c.checkAddressing()
	c.checkNodes()
	c.checkLinks()
	c.checkServers()
	c.checkSteps()
	c.checkConnections()
	c.checkExpect()
	c.checkTally()
}

// collect fills the tables and sees to it that no name stands twice.
func (c *checker) collect() {
	taken := map[string]*string{}
	claim := func(name *string) {
		if first, ok := taken[*name]; ok {
			c.wrong(bad(words.NameTaken, quote(*name), c.line(first)), name)
			return
		}
		taken[*name] = name
		if isWord(*name, reserved()) {
			c.wrong(bad(words.NameReserved, quote(*name)), name)
		}
	}
	for i := range c.s.Nodes {
		claim(&c.s.Nodes[i].Name)
		c.nodes.add(c.s.Nodes[i].Name, i)
	}
	for i := range c.s.Switches {
		claim(&c.s.Switches[i].Name)
		c.switches.add(c.s.Switches[i].Name, i)
	}
	c.hosts = slices.Concat(c.nodes.names, c.switches.names)
	c.anyEnd = slices.Concat(c.nodes.names, []string{Opener, Acceptor})
	for i := range c.s.Servers {
		c.servers.add(c.s.Servers[i].Name, i)
	}
	for _, name := range c.decoder.lost {
		c.lost[name] = true
	}
	c.collectSteps()
}

func (c *checker) collectSteps() {
	for i := range c.s.Steps {
		step := &c.s.Steps[i]
		if session := step.Session(); step.FTPQuit != nil || step.FTPClose != nil {
			if _, ok := c.ended[session]; !ok {
				c.ended[session] = i
			}
		}
		common := step.Common()
		if common == nil || common.As == "" {
			continue
		}
		if flaw := checkName(common.As, maxName); flaw != nil {
			c.wrong(flaw, &common.As)
		}
		if !c.steps.add(common.As, i) {
			first := c.s.Steps[c.steps.index[common.As]].Common()
			c.wrong(bad(words.NameTaken, quote(common.As), c.line(&first.As)), &common.As)
			continue
		}
		if step.FTPConnect != nil {
			c.sessions.add(common.As, i)
		}
	}
}

// opensConnection reports whether a step can open one.
func opensConnection(s *Step) bool {
	return s.FTPConnect != nil || s.FTPList != nil || s.FTPRetrieve != nil || s.FTPStore != nil || s.FTPAppend != nil || s.FTPRaw != nil
}

// collectConnections fills the table of connections: those of steps with a
// name, and those that the scenario names.
func (c *checker) collectConnections() {
	for i := range c.s.Steps {
		step := &c.s.Steps[i]
		if common := step.Common(); common != nil && common.As != "" && opensConnection(step) && c.connections.add(common.As, i) {
			c.ends[common.As] = c.endsOfStep(step)
		}
	}
	for i := range c.s.Connections {
		named := &c.s.Connections[i]
		if step, ok := c.steps.index[named.Name]; ok {
			c.wrong(bad(words.NameTaken, quote(named.Name), c.line(&c.s.Steps[step].Common().As)), &named.Name)
			continue
		}
		c.connections.add(named.Name, i)
		switch step, ok := c.steps.index[named.Step]; {
		case ok:
			c.ends[named.Name] = c.endsOfStep(&c.s.Steps[step])
		case c.servers.has(named.To):
			c.ends[named.Name] = c.endsAtServer(named)
		}
	}
}

// endsOfStep returns the nodes of the session that a step belongs to.
func (c *checker) endsOfStep(step *Step) ends {
	i, ok := c.sessions.index[step.Session()]
	if step.FTPConnect == nil {
		if !ok {
			return ends{}
		}
		step = &c.s.Steps[i]
	}
	e := ends{}
	if c.nodes.has(step.FTPConnect.Node) {
		e.a = step.FTPConnect.Node
	}
	if i, ok := c.servers.index[step.FTPConnect.To]; ok && c.nodes.has(c.s.Servers[i].Node) {
		e.b = c.s.Servers[i].Node
	}
	return e
}

// endsAtServer returns what is known of the ends of a connection to a server.
func (c *checker) endsAtServer(named *ConnectionName) ends {
	e := ends{b: c.s.Servers[c.servers.index[named.To]].Node}
	if !c.nodes.has(e.b) {
		e.b = ""
	}
	if c.nodes.has(named.OpenedBy) && named.OpenedBy != e.b {
		e.a = named.OpenedBy
	}
	return e
}

// resolve looks up every name that refers to something.
func (c *checker) resolve() {
	for _, r := range c.refs {
		if r.name == "" {
			continue
		}
		switch r.to {
		case "node":
			c.lookUp(r, &c.nodes, words.NoNode)
		case "node or switch":
			if len(c.nodes.names) > 0 && !c.broken[&c.s.Switches] && !c.nodes.has(r.name) && !c.switches.has(r.name) {
				c.fail(r.place.node, r.place.path, bad(words.NoNodeOrSwitch, quote(r.name)).instead(c.hosts, r.name))
			}
		case "server":
			c.lookUp(r, &c.servers, words.NoServer)
		case "step":
			c.lookUp(r, &c.steps, words.NoStep)
		case "connection":
			c.lookUp(r, &c.connections, words.NoConnection)
		case "session":
			c.lookUpSession(r)
		}
	}
}

// lookUp reports a name that is not in its table. Names of what could not be
// understood are let pass: that has been reported.
func (c *checker) lookUp(r ref, t *table, id words.ID) bool {
	if t.has(r.name) {
		return true
	}
	if !c.lost[r.name] && !c.unreadable(t) {
		c.fail(r.place.node, r.place.path, bad(id, quote(r.name)).instead(t.names, r.name))
	}
	return false
}

// unreadable reports whether the part of the file that fills a table was not
// understood, or is missing though it must be there.
func (c *checker) unreadable(t *table) bool {
	switch t {
	case &c.nodes:
		return len(t.names) == 0
	case &c.servers:
		return c.broken[&c.s.Servers]
	case &c.connections:
		return c.broken[&c.s.Steps] || c.broken[&c.s.Connections]
	}
	return c.broken[&c.s.Steps] // steps, sessions
}

// lookUpSession reports a session that does not exist, or not yet, or no
// longer, where the step stands.
func (c *checker) lookUpSession(r ref) {
	if !c.lookUp(r, &c.sessions, words.NoSession) {
		return
	}
	opened := c.sessions.index[r.name]
	if r.step <= opened {
		c.fail(r.place.node, r.place.path, bad(words.SessionLater, quote(r.name), opened))
		return
	}
	if i, ok := c.ended[r.name]; ok && i < r.step {
		c.fail(r.place.node, r.place.path, bad(words.SessionEnded, quote(r.name), i))
	}
}

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
	sessions    table // by the name, the index of the step that opens it
	links       table
	processes   table // by the name, the index of the exec step; atServer for a server
	connections table
	ends        map[string]ends     // by the connection's name
	rules       table               // of gates, by the name, the index of the step that gives it
	ended       map[string]int      // by the session, the index of the step that closes it
	awaited     map[string]int      // by the program, the index of the step that waits for its end
	waited      map[string]int      // by the step in the background, likewise
	stopped     map[string]int      // by the server, the index of the step that stops it
	lists       map[string][]string // of names, by the verbs of their steps: see named
	lost        map[string]bool     // names of steps that could not be understood
	linksOf     map[string][]string // names of links, by the node or switch
	serving     map[socket]string   // the server that listens
	bound       map[socket]int      // the index of the last step that binds a socket, of those that were looked at
	heard       map[string]bool     // sockets of udp.bind that somebody has sent to, by the steps that were looked at
	ruled       map[string]bool     // links that have rules, likewise
	cleared     map[string]int      // by the link, the Index of the last step that ends all its rules
	hosts       []string            // nodes and switches
	anyEnd      []string            // what a connection's ends can be called at all
}

// ends are the nodes that a connection is between; "" where it is not known
// before the run.
type ends struct{ a, b string }

// check reports everything that is wrong with a scenario whose values are
// each right in themselves.
func (d *decoder) check(s *Scenario) {
	c := &checker{
		decoder: d, s: s, ends: map[string]ends{}, ended: map[string]int{}, lost: map[string]bool{},
		awaited: map[string]int{}, waited: map[string]int{}, stopped: map[string]int{},
		lists: map[string][]string{}, linksOf: map[string][]string{},
		serving: map[socket]string{}, bound: map[socket]int{}, heard: map[string]bool{}, ruled: map[string]bool{}, cleared: map[string]int{},
	}
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
	c.checkMutations()
	c.checkNeeds()
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
	for i := range c.s.Links {
		c.links.add(c.s.Links[i].Name, i)
		for _, e := range c.s.Links[i].Ends {
			c.linksOf[e.Name] = append(c.linksOf[e.Name], c.s.Links[i].Name)
		}
	}
	for i := range c.s.Servers {
		c.servers.add(c.s.Servers[i].Name, i)
		if c.s.Servers[i].Exec != nil {
			c.processes.add(c.s.Servers[i].Name, atServer)
		}
	}
	for _, name := range c.decoder.lost {
		c.lost[name] = true
	}
	c.collectSteps()
}

// atServer stands for the index of a step where a program is a server.
const atServer = -1

func (c *checker) collectSteps() {
	for i := range c.s.Steps {
		step := &c.s.Steps[i]
		c.collectEnds(step, i)
		if x := step.GateClear; x != nil && x.Link != "" {
			c.cleared[x.Link] = step.Index
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
		if step.Opens() {
			c.sessions.add(common.As, i)
		}
		if step.GateRule() != nil {
			c.rules.add(common.As, i)
		}
		if step.Exec != nil && bool(step.Exec.Background) && !c.processes.add(common.As, i) {
			server := &c.s.Servers[c.servers.index[common.As]]
			c.wrong(bad(words.NameTaken, quote(common.As), c.line(&server.Name)), &common.As)
		}
	}
}

// collectEnds notes what a step puts an end to.
func (c *checker) collectEnds(step *Step, i int) {
	switch {
	case step.Ends():
		addFirst(c.ended, step.Session(), i)
	case step.ExecWait != nil:
		addFirst(c.awaited, step.ExecWait.Process, i)
	case step.Wait != nil && c.steps.has(step.Wait.Step): // it was taken before
		addFirst(c.waited, step.Wait.Step, i)
	case step.ServerStop != nil:
		addFirst(c.stopped, step.ServerStop.To, i)
	}
}

// addFirst notes an index unless there is one.
func addFirst(m map[string]int, name string, index int) {
	if _, ok := m[name]; !ok {
		m[name] = index
	}
}

// family returns what the verbs of one sort of session begin with: ftp.
func (s *Step) family() string {
	family, _, _ := strings.Cut(s.Verb, ".")
	return family
}

// collectConnections fills the table of connections: those of steps with a
// name, and those that the scenario names.
func (c *checker) collectConnections() {
	for i := range c.s.Steps {
		step := &c.s.Steps[i]
		if common := step.Common(); common != nil && common.As != "" && step.Connects() && c.connections.add(common.As, i) {
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

// endsOfStep returns the nodes between which a step opens a connection: its
// own, or that of the step that opened its session, and the server's. Where a
// URL or a program leads is not known before the run.
func (c *checker) endsOfStep(step *Step) ends {
	e := ends{}
	node, to := step.Node(), step.To()
	if i, ok := c.sessions.index[step.Session()]; ok && !step.Opens() {
		opener := &c.s.Steps[i]
		node = opener.Node()
		if to == "" {
			to = opener.To()
		}
	}
	if peer := step.text("Peer"); c.nodes.has(peer) {
		e.b = peer
	}
	if step.DNSLookup != nil && to == "" {
		to = c.resolverOf(node)
	}
	if c.nodes.has(node) {
		e.a = node
	}
	if i, ok := c.servers.index[to]; ok && c.nodes.has(c.s.Servers[i].Node) {
		e.b = c.s.Servers[i].Node
		if step.ofData() && c.s.Servers[i].FTP == nil {
			e.b = "" // what stands behind a proxy, or wherever a program's replies lead
		}
	}
	return e
}

// ofData reports whether the connections that a step opens are those of FTP
// data, whose place the server's replies or the client's commands say.
func (s *Step) ofData() bool { return s.family() == "ftp" && s.FTPConnect == nil }

// resolverOf returns the name server that a node's programs ask, "" if none.
func (c *checker) resolverOf(node string) string {
	if i, ok := c.nodes.index[node]; ok {
		return c.s.Nodes[i].Resolver
	}
	return ""
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
			if i, ok := c.steps.index[r.name]; ok && !c.connections.has(r.name) {
				c.fail(r.place.node, r.place.path, bad(words.StepOpensNone, quote(r.name), c.s.Steps[i].Verb).instead(c.connections.names, ""))
				continue
			}
			c.lookUp(r, &c.connections, words.NoConnection)
		case "link":
			c.lookUp(r, &c.links, words.NoLink)
		case "session":
			c.lookUpSession(r)
		case "process":
			c.lookUpProcess(r)
		case "rule":
			c.lookUpRule(r)
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
	case &c.links:
		return c.broken[&c.s.Links]
	case &c.processes:
		return c.broken[&c.s.Servers] || c.broken[&c.s.Steps]
	case &c.connections:
		return c.broken[&c.s.Steps] || c.broken[&c.s.Connections]
	}
	return c.broken[&c.s.Steps] // steps, sessions, rules
}

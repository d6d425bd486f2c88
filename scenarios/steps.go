package scenarios

import (
	"fmt"
	"reflect"
)

// A Step is one thing that is done. In the file it is a mapping with one key,
// the verb. Exactly one of the fields below Verb is set.
type Step struct {
	At    Pos
	Index int    // from 1
	Verb  string // the key: ftp.connect

	Sleep  *Sleep  `key:"sleep" doc:"Do nothing for a while."`
	Settle *Settle `key:"settle" doc:"Wait until the lab is at rest: every endpoint in ESTABLISHED, LISTEN, TIME-WAIT or CLOSED, nothing unacknowledged, nothing held or delayed at gates, twice in a row."`

	FTPConnect   *FTPConnect  `key:"ftp.connect" doc:"Open an FTP session."`
	FTPLogin     *FTPLogin    `key:"ftp.login" doc:"USER and PASS."`
	FTPList      *FTPPath     `key:"ftp.list" doc:"LIST over a data connection."`
	FTPRetrieve  *FTPRetrieve `key:"ftp.retrieve" doc:"RETR over a data connection."`
	FTPStore     *FTPStore    `key:"ftp.store" doc:"STOR over a data connection."`
	FTPAppend    *FTPStore    `key:"ftp.append" doc:"APPE over a data connection."`
	FTPRename    *FTPRename   `key:"ftp.rename" doc:"RNFR and RNTO."`
	FTPDelete    *FTPPath     `key:"ftp.delete" doc:"DELE."`
	FTPMakeDir   *FTPPath     `key:"ftp.make_directory" doc:"MKD."`
	FTPRemoveDir *FTPPath     `key:"ftp.remove_directory" doc:"RMD."`
	FTPChangeDir *FTPPath     `key:"ftp.change_directory" doc:"CWD."`
	FTPDirectory *FTPSession  `key:"ftp.directory" doc:"PWD."`
	FTPSize      *FTPPath     `key:"ftp.size" doc:"SIZE."`
	FTPNoop      *FTPSession  `key:"ftp.noop" doc:"NOOP."`
	FTPAbort     *FTPSession  `key:"ftp.abort" doc:"ABOR."`
	FTPRaw       *FTPRaw      `key:"ftp.raw" doc:"Any command line, as typed; the reply is recorded."`
	FTPReply     *FTPSession  `key:"ftp.await_reply" doc:"Wait for a reply that nobody asked for, such as 421."`
	FTPQuit      *FTPClose    `key:"ftp.quit" doc:"QUIT, then close the control connection in the given style."`
	FTPClose     *FTPClose    `key:"ftp.close" doc:"Close the control connection without QUIT."`

	HTTPClient    *HTTPClient  `key:"http.client" doc:"Start an HTTP client: a cookie jar and a pool of connections, no connection yet."`
	HTTPGet       *HTTPRequest `key:"http.get" doc:"GET, and read the whole response."`
	HTTPHead      *HTTPRequest `key:"http.head" doc:"HEAD."`
	HTTPPost      *HTTPPost    `key:"http.post" doc:"POST a body, and read the whole response."`
	HTTPSend      *HTTPSend    `key:"http.request" doc:"A request of any method, and read the whole response."`
	HTTPCloseIdle *HTTPClose   `key:"http.close_idle" doc:"Close the client's idle connections; the client stays."`
	HTTPClose     *HTTPClose   `key:"http.close" doc:"Close all of the client's connections, and the client."`

	Wait *Wait `key:"wait" doc:"Wait for the end of a step that was taken in the background."`

	TCPListen   *TCPListen   `key:"tcp.listen" doc:"Make a socket that listens. Nothing is accepted before tcp.accept."`
	TCPAccept   *TCPAccept   `key:"tcp.accept" doc:"Take a connection from the queue of a socket that listens."`
	TCPConnect  *TCPConnect  `key:"tcp.connect" doc:"Open a TCP connection."`
	TCPReopen   *TCPReopen   `key:"tcp.reopen" doc:"Open once more, by connect(2) or listen(2), a socket that is open already: the OPEN call of RFC 9293 in another state than CLOSED, which Linux mostly refuses."`
	TCPSend     *TCPSend     `key:"tcp.send" doc:"Send bytes."`
	TCPReceive  *TCPReceive  `key:"tcp.receive" doc:"Receive a line, a number of bytes, or everything up to the peer's FIN."`
	TCPShutdown *TCPShutdown `key:"tcp.shutdown" doc:"End one direction, or both: shutdown(2). The socket stays."`
	TCPOption   *TCPOption   `key:"tcp.option" doc:"Set options of the socket."`
	TCPClose    *TCPClose    `key:"tcp.close" doc:"Close the connection in the given style, or the socket that listens."`
	UDPBind     *UDPBind     `key:"udp.bind" doc:"Open a UDP socket that takes datagrams at a port."`
	UDPOpen     *UDPOpen     `key:"udp.open" doc:"Open a UDP socket for a server. Nothing is sent."`
	UDPSend     *UDPSend     `key:"udp.send" doc:"Send one datagram."`
	UDPReceive  *UDPSession  `key:"udp.receive" doc:"Wait for one datagram."`
	UDPClose    *UDPSession  `key:"udp.close" doc:"Close the socket."`
	DNSLookup   *DNSLookup   `key:"dns.lookup" doc:"Ask a name server, and record the answer. That there is no such name is a failure; that it has no such record is not."`
	Ping        *Ping        `key:"ping" doc:"Send an ICMP echo request, and wait for the reply (RFC 792, RFC 4443)."`

	SQLConnect *SQLConnect `key:"sql.connect" doc:"Open a connection to a MySQL or MariaDB server, and log in."`
	SQLRun     *SQLRun     `key:"sql.run" doc:"Run one statement, and wait for its end."`
	SQLClose   *SQLClose   `key:"sql.close" doc:"COM_QUIT, then close the connection in the given style."`

	SMTPSend *SMTPSend `key:"smtp.send" doc:"Deliver a mail: EHLO, MAIL, RCPT, DATA, QUIT."`

	GateHold      *GateHold      `key:"gate.hold" doc:"From now on hold frames that match, until they are released."`
	GateDrop      *GateDrop      `key:"gate.drop" doc:"From now on drop frames that match."`
	GateWatch     *GateWatch     `key:"gate.watch" doc:"From now on count frames that match, for gate.await; what becomes of them other rules decide."`
	GateDuplicate *GateDuplicate `key:"gate.duplicate" doc:"From now on send frames that match more than once."`
	GateReorder   *GateReorder   `key:"gate.reorder" doc:"From now on let later frames of the same direction pass before those that match."`
	GateDelay     *GateDelay     `key:"gate.delay" doc:"From now on delay frames that match."`
	GateCorrupt   *GateCorrupt   `key:"gate.corrupt" doc:"From now on invert a bit of frames that match."`
	GateInject    *GateInject    `key:"gate.inject" doc:"Send a made-up TCP segment to one end."`
	GateAwait     *GateAwait     `key:"gate.await" doc:"Wait until a rule of a gate has matched."`
	GateRelease   *GateRelease   `key:"gate.release" doc:"Let go on what a rule holds."`
	GateDiscard   *GateDiscard   `key:"gate.discard" doc:"Drop what a rule holds."`
	GateClear     *GateClear     `key:"gate.clear" doc:"End rules of a gate; what they hold goes on."`

	Exec            *Exec          `key:"exec" doc:"Run a program of the host in the node; its output and exit status are recorded. A status other than 0 is a failure. It finds ca.pem and certificates of its node (good.pem, good.key; expired, ...) in /run/netlab."`
	ExecWait        *ExecWait      `key:"exec.wait" doc:"Wait for the end of a program that an exec step left running."`
	ProcessKill     *ProcessSignal `key:"process.kill" doc:"Kill a program (SIGKILL): the kernel closes its connections."`
	ProcessStop     *ProcessSignal `key:"process.stop" doc:"Halt a program (SIGSTOP)."`
	ProcessContinue *ProcessSignal `key:"process.continue" doc:"Let a halted program go on (SIGCONT)."`
	ServerStop      *ServerStop    `key:"server.stop" doc:"Stop a server in its own way: ours close their connections, programs get their stop signal."`

	LinkDown       *LinkStep      `key:"link.down" doc:"Take a link down at both ends: nothing passes, no connection is told. The routes by it are gone: new connections of its nodes fail at once, and a router answers that the network cannot be reached. What is silent is firewall.drop."`
	LinkUp         *LinkStep      `key:"link.up" doc:"Bring a link up again, with the routes that were lost with it."`
	FirewallDrop   *FirewallStep  `key:"firewall.drop" doc:"From now on drop what matches, silently."`
	FirewallReject *FirewallStep  `key:"firewall.reject" doc:"From now on refuse what matches, and tell the sender."`
	FirewallAccept *FirewallStep  `key:"firewall.accept" doc:"From now on let pass what matches, whatever other rules say."`
	FirewallClear  *FirewallClear `key:"firewall.clear" doc:"Take away the rules that steps have made at a node."`
	SetSysctl      *SysctlStep    `key:"sysctl" doc:"Set a setting below net. in a node."`
	SetRoute       *RouteStep     `key:"route" doc:"Replace a node's route to a network."`
}

// Common is what every step that a node performs can say.
type Common struct {
	As          string   `key:"as" doc:"Name of the step; a connection that it opens bears it too."`
	Timeout     Duration `key:"timeout" min:"1ms" max:"24h" doc:"Time after which the step fails; limits.step if absent."`
	ExpectError bool     `key:"expect_error" doc:"The step is meant to fail: going well is then the failure."`
}

// Background is what a step can say that may take its time.
type Background struct {
	Background YesNo `key:"background" doc:"Go on with the next step at once; a wait step waits for the end of this one. What is still under way when the last step is done has failed."`
}

// Wait waits for a step that was taken in the background. That the step
// fails is told by the step itself.
type Wait struct {
	Common `key:",inline"`
	Step   string `key:"step,required" ref:"step" doc:"The step: one with background."`
}

// Sleep does nothing for a while. In short form it is the duration.
type Sleep struct {
	For Duration `key:"for,required" doc:"How long."`
}

// Settle waits until the lab is at rest, or until the named endpoints are in
// the named states. Running out of time is recorded and is no verdict.
type Settle struct {
	Within Duration `key:"within" default:"3s" doc:"How long at most."`
	Until  []Until  `key:"until" doc:"Connections, and for each end the state to wait for, instead of rest."`
}

// Until is one condition of settle: ends of a connection and their states.
type Until struct {
	At   Pos
	Name string `ref:"connection"`
	Ends []EndState
}

// An EndState is an end of a connection in a state. In the file it is an
// entry of a mapping from the end to the state.
type EndState struct {
	At    Pos
	Name  string // of the end: a node, or opener or acceptor
	State StateName
}

// A Family is a version of IP.
type Family string

// The families.
const (
	IPv4 Family = "ipv4"
	IPv6 Family = "ipv6"
)

// A Close is how a side closes a connection. In the file it is the style's
// name, or a mapping {STYLE: {delay: 60ms, within: 10s}}.
type Close struct {
	Style  CloseStyle
	Delay  Duration // between what is waited for and close()
	Within Duration // how long the peer is waited for at most; 0 for the usual 3 s
}

// A CloseStyle is a way to close.
type CloseStyle string

// The ways to close, for clients and servers alike.
const (
	CloseAtOnce        CloseStyle = "at_once"         // close() now
	CloseAfterReply    CloseStyle = "after_reply"     // close() when the reply has been read (or sent)
	CloseAfterPeer     CloseStyle = "after_peer"      // close() when the peer's FIN has come
	CloseHalfThenDrain CloseStyle = "half_then_drain" // shutdown(write), read to the end, close()
	CloseReset         CloseStyle = "reset"           // linger 0, close(): RST
)

// YesNo is on or off, written as a word or as a YAML boolean.
type YesNo bool

// Node returns the node that takes the step, "" if it says none: for steps on
// a session it is that of the step that opened it, which Session names.
func (s *Step) Node() string { return s.text("Node") }

// To returns the server that the step is about, "" if it names none.
func (s *Step) To() string {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() != reflect.Pointer || f.IsNil() {
			continue
		}
		if to, ok := f.Type().Elem().FieldByName("To"); ok && to.Tag.Get("ref") == "server" {
			return f.Elem().FieldByIndex(to.Index).String()
		}
	}
	return ""
}

// Process returns the name of the program that the step is about, "" if none.
func (s *Step) Process() string { return s.text("Process") }

// Family returns which of a server's addresses the step uses: IPv4 if it does
// not say. A step of an HTTP session has that of its client.
func (s *Step) Family() Family {
	if f := s.text("Family"); f != "" {
		return Family(f)
	}
	return IPv4
}

// Common returns what the step says beside its own fields; nil for settle and
// sleep, which nobody performs.
func (s *Step) Common() *Common {
	if f := s.field("Common"); f.IsValid() {
		return f.Addr().Interface().(*Common)
	}
	return nil
}

// Opens reports whether the step opens a session, which bears the step's name.
func (s *Step) Opens() bool {
	return s.FTPConnect != nil || s.HTTPClient != nil || s.TCPConnect != nil || s.TCPListen != nil || s.TCPAccept != nil ||
		s.UDPOpen != nil || s.UDPBind != nil || s.SQLConnect != nil
}

// Ends reports whether the step ends its session.
func (s *Step) Ends() bool {
	return s.FTPQuit != nil || s.FTPClose != nil || s.HTTPClose != nil || s.TCPClose != nil || s.UDPClose != nil || s.SQLClose != nil
}

// Connects reports whether the step can open connections.
func (s *Step) Connects() bool {
	return s.FTPConnect != nil || s.FTPList != nil || s.FTPRetrieve != nil || s.FTPStore != nil || s.FTPAppend != nil || s.FTPRaw != nil ||
		s.HTTPGet != nil || s.HTTPHead != nil || s.HTTPPost != nil || s.HTTPSend != nil || s.TCPConnect != nil || s.SMTPSend != nil || s.SQLConnect != nil ||
		s.DNSLookup != nil || s.Exec != nil
}

// OfNetwork reports whether the step changes the lab itself: links, routes,
// rules, settings. No program of a node takes it.
func (s *Step) OfNetwork() bool {
	return s.LinkDown != nil || s.LinkUp != nil || s.FirewallDrop != nil || s.FirewallReject != nil || s.FirewallAccept != nil ||
		s.FirewallClear != nil || s.SetSysctl != nil || s.SetRoute != nil
}

// OfGate reports whether the step is one of a gate's.
func (s *Step) OfGate() bool {
	return s.GateRule() != nil || s.GateInject != nil || s.GateAwait != nil || s.GateRelease != nil || s.GateDiscard != nil ||
		s.GateClear != nil
}

// GateRule returns the rule that the step gives a gate, nil if it gives none.
func (s *Step) GateRule() *GateRule {
	if f := s.field("GateRule"); f.IsValid() {
		return f.Addr().Interface().(*GateRule)
	}
	return nil
}

// RuleName returns what the rule is called that the step gives a gate, or
// whatever else it does there: the name of the step, else its place.
func (s *Step) RuleName() string {
	if c := s.Common(); c != nil && c.As != "" {
		return c.As
	}
	return fmt.Sprintf("steps[%d]", s.Index-1)
}

// InBackground reports whether the next step is taken while this one is under
// way.
func (s *Step) InBackground() bool {
	f := s.field("Background")
	if !f.IsValid() || s.Exec != nil {
		return false // a program in the background is started, and the step has ended
	}
	return bool(f.Addr().Interface().(*Background).Background)
}

// Session returns the name of the session that the step belongs to, "" if
// none. A step that opens a session belongs to it.
func (s *Step) Session() string {
	if s.Opens() {
		return s.Common().As
	}
	return s.text("Session")
}

// field returns a field of the verb that is set, the zero Value if the verb
// has none of that name. The verbs are fields of Step, of which one is set:
// reflection spares every new verb a case of its own here.
func (s *Step) field(name string) reflect.Value {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			return f.Elem().FieldByName(name)
		}
	}
	return reflect.Value{}
}

// text returns a text of the verb that is set, "" if it has none of that name.
func (s *Step) text(name string) string {
	if f := s.field(name); f.IsValid() {
		return f.String()
	}
	return ""
}

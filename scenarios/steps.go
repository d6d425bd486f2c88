package scenarios

import "reflect"

// A Step is one thing that is done. In the file it is a mapping with one key,
// the verb. Exactly one of the fields below Verb is set.
type Step struct {
	At    Pos
	Index int    // from 1
	Verb  string // the key: ftp.connect

	Sleep  *Sleep  `key:"sleep" doc:"Do nothing for a while."`
	Settle *Settle `key:"settle" doc:"Wait until the lab is at rest: every endpoint in ESTABLISHED, LISTEN, TIME-WAIT or CLOSED, nothing unacknowledged, twice in a row."`

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
}

// Common is what every step that a node performs can say.
type Common struct {
	As          string   `key:"as" doc:"Name of the step; a connection that it opens bears it too."`
	Timeout     Duration `key:"timeout" min:"1ms" max:"24h" doc:"Time after which the step fails; limits.step if absent."`
	ExpectError bool     `key:"expect_error" doc:"The step is meant to fail: going well is then the failure."`
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

// FTPConnect opens a session.
type FTPConnect struct {
	Common    `key:",inline"`
	Node      string  `key:"node,required" ref:"node" doc:"The node whose client it is."`
	To        string  `key:"to,required" ref:"server" doc:"The server."`
	Family    Family  `key:"family" default:"ipv4" doc:"Which of the server's addresses: ipv4 or ipv6."`
	Mode      FTPMode `key:"mode" default:"extended_passive" doc:"How data connections are opened: passive (PASV), extended_passive (EPSV), active (PORT), extended_active (EPRT)."`
	TLS       TLSMode `key:"tls" default:"none" doc:"none, explicit (AUTH TLS) or implicit."`
	TrustPASV bool    `key:"trust_pasv_address" doc:"Connect to the address in the 227 reply instead of the server's."`
	DataClose Close   `key:"data_close" default:"at_once" doc:"How the client closes data connections."`
}

// FTPSession is a command without arguments.
type FTPSession struct {
	Common  `key:",inline"`
	Session string `key:"session,required" ref:"session" doc:"The session: name of an ftp.connect step."`
}

// FTPLogin logs in.
type FTPLogin struct {
	Common   `key:",inline"`
	Session  string `key:"session,required" ref:"session" doc:"The session: name of an ftp.connect step."`
	User     string `key:"user" default:"anonymous" doc:"User name."`
	Password string `key:"password" default:"guest" doc:"Password."`
}

// FTPPath is a command on one path.
type FTPPath struct {
	Common  `key:",inline"`
	Session string `key:"session,required" ref:"session" doc:"The session: name of an ftp.connect step."`
	Path    string `key:"path" doc:"Path on the server; only ftp.list can do without."`
}

// FTPRetrieve fetches a file.
type FTPRetrieve struct {
	Common     `key:",inline"`
	Session    string `key:"session,required" ref:"session" doc:"The session: name of an ftp.connect step."`
	Path       string `key:"path,required" doc:"Path on the server."`
	AbortAfter Size   `key:"abort_after" doc:"Send ABOR when so many bytes have come; 0 for never."`
}

// FTPStore sends a file, of given content or generated.
type FTPStore struct {
	Common  `key:",inline"`
	Session string `key:"session,required" ref:"session" doc:"The session: name of an ftp.connect step."`
	Path    string `key:"path,required" doc:"Path on the server."`
	Content string `key:"content" text:"any" doc:"What is sent."`
	Size    Size   `key:"size" doc:"Send so many generated bytes instead."`
}

// FTPRename renames a file.
type FTPRename struct {
	Common  `key:",inline"`
	Session string `key:"session,required" ref:"session" doc:"The session: name of an ftp.connect step."`
	From    string `key:"from,required" doc:"Old path."`
	To      string `key:"to,required" doc:"New path."`
}

// FTPRaw sends a line as typed.
type FTPRaw struct {
	Common  `key:",inline"`
	Session string `key:"session,required" ref:"session" doc:"The session: name of an ftp.connect step."`
	Command string `key:"command,required" doc:"The command line, without its end."`
}

// FTPClose ends a session.
type FTPClose struct {
	Common  `key:",inline"`
	Session string `key:"session,required" ref:"session" doc:"The session: name of an ftp.connect step."`
	Close   Close  `key:"close" default:"after_reply" doc:"How the client closes the control connection."`
}

// An FTPMode is how data connections are opened.
type FTPMode string

// The modes: RFC 959 PORT and PASV, RFC 2428 EPRT and EPSV.
const (
	Passive         FTPMode = "passive"
	ExtendedPassive FTPMode = "extended_passive"
	Active          FTPMode = "active"
	ExtendedActive  FTPMode = "extended_active"
)

// A TLSMode is how a session is protected, RFC 4217.
type TLSMode string

// The modes. Implicit is from a draft that RFC 4217 left behind.
const (
	NoTLS       TLSMode = "none"
	ExplicitTLS TLSMode = "explicit"
	ImplicitTLS TLSMode = "implicit"
)

// A Family is a version of IP.
type Family string

// The families.
const (
	IPv4 Family = "ipv4"
	IPv6 Family = "ipv6"
)

// A Close is how a side closes a connection. In the file it is the style's
// name, or a mapping {STYLE: {delay: 60ms}}.
type Close struct {
	Style CloseStyle
	Delay Duration // between what is waited for and close()
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

// FTPServer configures our FTP server.
type FTPServer struct {
	Port         int        `key:"port" min:"1" max:"65535" doc:"Where it listens; 21, or 990 with implicit TLS, if absent."`
	Users        []FTPUser  `key:"users" doc:"Passwords by user name."`
	Anonymous    bool       `key:"anonymous" doc:"Lets anonymous in with any password."`
	Files        []FTPFile  `key:"files" doc:"Files in memory by path: their content, or {size: 100MB} of generated bytes."`
	Dir          string     `key:"dir" doc:"Serve this directory instead, relative to the scenario's own and not outside it."`
	DirMode      DirMode    `key:"dir_mode" default:"read_only" doc:"read_only, or copy_on_write: changes stay in memory."`
	PassivePorts PortRange  `key:"passive_ports" doc:"Ports for passive mode, as 2122-2141; any if absent."`
	Active       ActiveMode `key:"active" default:"port20" doc:"Active mode: from port20, from any port, or disabled."`
	TLS          TLSMode    `key:"tls" default:"none" doc:"none, explicit (AUTH TLS) or implicit."`
	IdleTimeout  Duration   `key:"idle_timeout" default:"900s" min:"1s" max:"24h" doc:"Idle time after which 421 is sent and the connection closed, in whole seconds."`
	PeerCheck    YesNo      `key:"peer_check" default:"on" doc:"Refuse data connections from another address than the session's."`
	Close        Close      `key:"close" default:"at_once" doc:"How the server closes control connections."`
	DataClose    Close      `key:"data_close" default:"at_once" doc:"How the server closes data connections."`
}

// An FTPUser may log in.
type FTPUser struct {
	At       Pos
	Name     string
	Password string
}

// An FTPFile is a file in memory, or generated.
type FTPFile struct {
	At      Pos
	Name    string // path
	Content string
	Size    Size // if not 0: generated
}

// A PortRange is a range of ports, both ends included; zero if absent.
type PortRange struct{ Low, High int }

// A DirMode says what clients may do to a served directory.
type DirMode string

// The modes.
const (
	ReadOnly    DirMode = "read_only"
	CopyOnWrite DirMode = "copy_on_write"
)

// An ActiveMode says from where the server opens data connections.
type ActiveMode string

// The modes.
const (
	ActivePort20 ActiveMode = "port20" // RFC 959 section 3.2
	ActiveAny    ActiveMode = "any"
	ActiveOff    ActiveMode = "disabled"
)

// YesNo is on or off, written as a word or as a YAML boolean.
type YesNo bool

// Node returns the node whose client takes the step, "" if none does. For
// steps on a session it is that of the session's ftp.connect; Session names
// the session.
func (s *Step) Node() string {
	if s.FTPConnect != nil {
		return s.FTPConnect.Node
	}
	return ""
}

// Common returns what the step says beside its own fields; nil for settle and
// sleep, which no node performs.
func (s *Step) Common() *Common {
	if f := s.field("Common"); f.IsValid() {
		return f.Addr().Interface().(*Common)
	}
	return nil
}

// Session returns the name of the session that the step belongs to, "" if
// none. An ftp.connect belongs to the session that it opens.
func (s *Step) Session() string {
	if s.FTPConnect != nil {
		return s.FTPConnect.As
	}
	if f := s.field("Session"); f.IsValid() {
		return f.String()
	}
	return ""
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

// ListenPort returns where the server listens.
func (f *FTPServer) ListenPort() int {
	switch {
	case f.Port != 0:
		return f.Port
	case f.TLS == ImplicitTLS:
		return 990
	}
	return 21
}

package scenarios

// TCPServer configures our plain TCP server.
type TCPServer struct {
	Port   int      `key:"port,required" min:"1" max:"65535" doc:"Where it listens."`
	Does   Behave   `key:"does" default:"echo" doc:"echo: sends back what comes; sink: reads and drops it; silent: reads nothing, sends nothing; script: the lines below."`
	Script []string `key:"script" doc:"For script, in order: 'send TEXT' (with a line's end; TEXT in quotes exactly, with escapes as \\r\\n), 'expect TEXT' (waits for a line that contains it), 'wait 100ms', 'close'."`
	Close  Close    `key:"close" default:"after_peer" doc:"How the server closes connections."`
}

// UDPServer configures our UDP server.
type UDPServer struct {
	Port   int      `key:"port,required" min:"1" max:"65535" doc:"Where it listens."`
	Does   Behave   `key:"does" default:"echo" doc:"echo, sink, silent or script."`
	Script []string `key:"script" doc:"For script: as of tcp; each 'expect' takes one datagram, each 'send' answers whoever sent the last."`
}

// A Behave is what a plain server does.
type Behave string

// What plain servers do.
const (
	Echo   Behave = "echo"
	Sink   Behave = "sink"
	Silent Behave = "silent"
	Script Behave = "script"
)

// SocketOptions are options of a TCP socket; what is absent is left as it is.
type SocketOptions struct {
	NoDelay       *YesNo     `key:"nodelay" doc:"TCP_NODELAY: small segments are sent at once (off in the kernel; netlab's sockets have it on unless told otherwise)."`
	Cork          *YesNo     `key:"cork" doc:"TCP_CORK: no segment is sent that is not full, until it is off again."`
	QuickAck      *YesNo     `key:"quickack" doc:"TCP_QUICKACK: acknowledge at once, for the time being."`
	KeepAlive     *KeepAlive `key:"keepalive" doc:"SO_KEEPALIVE with its times: {idle: 1s, interval: 1s, probes: 3}; whole seconds."`
	UserTimeout   *Duration  `key:"user_timeout" max:"24h" doc:"TCP_USER_TIMEOUT: how long what was sent may stay unacknowledged. Whole milliseconds."`
	Linger        *Duration  `key:"linger" max:"1h" doc:"SO_LINGER: how long close() waits for what was sent; 0s makes it a reset. Whole seconds."`
	OrphanTimeout *Duration  `key:"orphan_timeout" max:"1m" doc:"TCP_LINGER2: how long FIN-WAIT-2 lasts after close(). Whole seconds."`
	FastOpen      *YesNo     `key:"fast_open" doc:"TCP_FASTOPEN of a socket that listens, TCP_FASTOPEN_CONNECT of one that connects; the nodes need net.ipv4.tcp_fastopen."`
	DeferAccept   *Duration  `key:"defer_accept" max:"1m" doc:"TCP_DEFER_ACCEPT: the connection is accepted when data comes. Whole seconds."`
	ReceiveBuffer *Size      `key:"receive_buffer" max:"1GB" doc:"SO_RCVBUF, in bytes; the kernel doubles it."`
	SendBuffer    *Size      `key:"send_buffer" max:"1GB" doc:"SO_SNDBUF, in bytes; the kernel doubles it."`
	MaxSegment    *int       `key:"max_segment" min:"88" max:"32767" doc:"TCP_MAXSEG: bytes of payload in a segment at most."`
}

// KeepAlive is when an idle connection is probed.
type KeepAlive struct {
	Idle     Duration `key:"idle" default:"2h" min:"1s" max:"9h" doc:"TCP_KEEPIDLE: before the first probe."`
	Interval Duration `key:"interval" default:"75s" min:"1s" max:"9h" doc:"TCP_KEEPINTVL: between two."`
	Probes   int      `key:"probes" default:"9" min:"1" max:"127" doc:"TCP_KEEPCNT: how many go unanswered before the connection is given up."`
}

// TCPListen makes a socket that listens.
type TCPListen struct {
	Common        `key:",inline"`
	Node          string `key:"node,required" ref:"node" doc:"The node whose socket it is."`
	Port          int    `key:"port,required" min:"1" max:"65535" doc:"Where it listens, on IPv4 and IPv6."`
	Backlog       int    `key:"backlog" default:"4096" min:"0" max:"65535" doc:"Backlog of listen(2): the queue of connections not accepted yet holds one more."`
	SocketOptions `key:",inline"`
}

// TCPAccept takes a connection.
type TCPAccept struct {
	Common        `key:",inline"`
	Listener      string `key:"listener,required" ref:"session" doc:"The socket that listens: name of a tcp.listen step."`
	SocketOptions `key:",inline"`
	Background    `key:",inline"`
}

// TCPConnect opens a connection: to a server, or to a port of a node.
type TCPConnect struct {
	Common        `key:",inline"`
	Node          string  `key:"node,required" ref:"node" doc:"The node whose client it is."`
	To            string  `key:"to" ref:"server" doc:"The server, of any kind that listens on TCP."`
	Peer          string  `key:"peer" ref:"node" doc:"Instead of to: a node; port says where there."`
	Family        Family  `key:"family" default:"ipv4" doc:"Which of the server's or node's addresses: ipv4 or ipv6."`
	Port          int     `key:"port" min:"1" max:"65535" doc:"Another port than the server's; the port of the peer."`
	FromPort      int     `key:"from_port" min:"1" max:"65535" doc:"Bind the socket to this port first."`
	NonBlocking   YesNo   `key:"nonblocking" doc:"The socket does not block (O_NONBLOCK): the step ends when connect(2) has returned, whatever comes of the connection, and the session can be used at once."`
	ISN           *uint64 `key:"isn" max:"4294967295" doc:"Initial sequence number, by TCP_REPAIR; the kernel's choice if absent."`
	SocketOptions `key:",inline"`
	Background    `key:",inline"`
}

// TCPReopen opens a socket once more.
type TCPReopen struct {
	Common  `key:",inline"`
	Session string   `key:"session,required" ref:"session" doc:"The connection, or the socket that listens: name of a tcp.connect, tcp.accept or tcp.listen step."`
	Call    OpenCall `key:"call,required" doc:"connect (EISCONN, EALREADY), or listen (EINVAL; a socket that listens, or did, listens again)."`
	Peer    string   `key:"peer" ref:"node" doc:"With connect: the node to connect to."`
	Port    int      `key:"port" min:"1" max:"65535" doc:"With connect: the port there."`
}

// An OpenCall is a call that opens.
type OpenCall string

// The calls that open.
const (
	CallConnect OpenCall = "connect" // active OPEN
	CallListen  OpenCall = "listen"  // passive OPEN
)

// TCPSend sends.
type TCPSend struct {
	Common     `key:",inline"`
	Session    string `key:"session,required" ref:"session" doc:"The connection: name of a tcp.connect or tcp.accept step."`
	Content    string `key:"content" text:"any" doc:"What is sent."`
	Size       Size   `key:"size" doc:"Send so many generated bytes instead."`
	More       YesNo  `key:"more" doc:"MSG_MORE: more is to follow; what does not fill a segment waits for it, or for the FIN."`
	Background `key:",inline"`
}

// TCPReceive receives. Without bytes it is one line; what came is recorded.
type TCPReceive struct {
	Common     `key:",inline"`
	Session    string `key:"session,required" ref:"session" doc:"The connection: name of a tcp.connect or tcp.accept step."`
	Bytes      Size   `key:"bytes" doc:"Exactly so many bytes."`
	ToEnd      YesNo  `key:"to_end" doc:"Everything until the peer's FIN."`
	Peek       YesNo  `key:"peek" doc:"Leave it unread (MSG_PEEK): wait until so much has come; with bytes."`
	Background `key:",inline"`
}

// TCPShutdown ends directions.
type TCPShutdown struct {
	Common  `key:",inline"`
	Session string `key:"session,required" ref:"session" doc:"The connection, or the socket that listens."`
	Half    Half   `key:"half" default:"write" doc:"write: send FIN, go on receiving; read: receive no more; both."`
}

// A Half is a direction of a connection, or both.
type Half string

// The halves.
const (
	HalfWrite Half = "write"
	HalfRead  Half = "read"
	HalfBoth  Half = "both"
)

// TCPOption sets options.
type TCPOption struct {
	Common        `key:",inline"`
	Session       string `key:"session,required" ref:"session" doc:"The connection, or the socket that listens."`
	SocketOptions `key:",inline"`
}

// TCPClose closes.
type TCPClose struct {
	Common     `key:",inline"`
	Session    string `key:"session,required" ref:"session" doc:"The connection, or the socket that listens: name of a tcp.connect, tcp.accept or tcp.listen step."`
	Close      Close  `key:"close" default:"at_once" doc:"How."`
	Background `key:",inline"`
}

// UDPBind opens a socket that takes datagrams from anybody. What it sends
// answers whoever sent the last.
type UDPBind struct {
	Common `key:",inline"`
	Node   string `key:"node,required" ref:"node" doc:"The node whose socket it is."`
	Port   int    `key:"port,required" min:"1" max:"65535" doc:"Its port, on IPv4 and IPv6."`
}

// UDPOpen opens a socket.
type UDPOpen struct {
	Common   `key:",inline"`
	Node     string `key:"node,required" ref:"node" doc:"The node whose socket it is."`
	To       string `key:"to" ref:"server" doc:"The server."`
	Peer     string `key:"peer" ref:"node" doc:"Instead of to: a node; port says where there."`
	Family   Family `key:"family" default:"ipv4" doc:"Which of the server's or node's addresses: ipv4 or ipv6."`
	Port     int    `key:"port" min:"1" max:"65535" doc:"Another port than the server's; the port of the peer."`
	FromPort int    `key:"from_port" min:"1" max:"65535" doc:"Bind the socket to this port first."`
}

// UDPSend sends a datagram.
type UDPSend struct {
	Common  `key:",inline"`
	Session string `key:"session,required" ref:"session" doc:"The socket: name of a udp.open or udp.bind step."`
	Content string `key:"content" text:"any" doc:"What is sent."`
	Size    Size   `key:"size" doc:"Send so many generated bytes instead, at most 65507."`
	Times   int    `key:"times" default:"1" min:"1" max:"100000" doc:"Send it so often, one right behind the other."`
}

// UDPSession is a step on a socket without further settings.
type UDPSession struct {
	Common  `key:",inline"`
	Session string `key:"session,required" ref:"session" doc:"The socket: name of a udp.open or udp.bind step."`
}

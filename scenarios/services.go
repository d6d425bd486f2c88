package scenarios

// DNSServer configures our name server.
type DNSServer struct {
	Port     int      `key:"port" default:"53" min:"1" max:"65535" doc:"Where it listens, on UDP and TCP."`
	Records  []Record `key:"records" doc:"Answers by name: an address, a list of them, the name of a node, or a mapping from type to values. What a server of records does not have it answers with NXDOMAIN."`
	Upstream string   `key:"upstream" ref:"server" doc:"Another name server, which is asked for all other names (a recursive resolver, with a cache)."`
	TTL      Duration `key:"ttl" default:"60s" max:"24h" doc:"How long answers may be kept."`
}

// A Record is what a name server knows of a name: values by type.
type Record struct {
	At     Pos
	Name   string
	Values []RecordValues
}

// RecordValues are the values of one type.
type RecordValues struct {
	Type   string   // A, AAAA, CNAME, MX, TXT, NS, PTR, SRV; "" for addresses and nodes, of whose family it is
	Values []string // as in a zone file; for "" addresses, or names of nodes
}

// DNSLookup asks a name server.
type DNSLookup struct {
	Common `key:",inline"`
	Node   string  `key:"node,required" ref:"node" doc:"The node that asks."`
	To     string  `key:"to" ref:"server" doc:"The name server; the node's resolver if absent."`
	Family Family  `key:"family" default:"ipv4" doc:"Which of the server's addresses: ipv4 or ipv6."`
	Query  string  `key:"name,required" doc:"The name to look up."`
	Type   DNSType `key:"type" default:"A" doc:"A, AAAA, CNAME, MX, TXT, NS, PTR or SRV."`
	TCP    YesNo   `key:"tcp" doc:"Ask over TCP; else over UDP, and over TCP if the answer is cut short."`
}

// A DNSType is a type of resource record.
type DNSType string

// SMTPServer configures our mail server.
type SMTPServer struct {
	Port    int       `key:"port" default:"25" min:"1" max:"65535" doc:"Where it listens."`
	Domains []string  `key:"domains" doc:"Whose mail it takes; any if absent. Others are answered 550."`
	Users   []FTPUser `key:"users" doc:"Passwords by user name; with any, mail is taken only after AUTH PLAIN."`
	MaxSize Size      `key:"max_size" default:"10MB" doc:"Largest mail; a larger one is answered 552."`
	Close   Close     `key:"close" default:"at_once" doc:"How the server closes connections."`
}

// Ping asks a node whether it is there.
type Ping struct {
	Common `key:",inline"`
	Node   string `key:"node,required" ref:"node" doc:"The node that asks."`
	Peer   string `key:"peer,required" ref:"node" doc:"The node that is asked."`
	Family Family `key:"family" default:"ipv4" doc:"Which of its addresses: ipv4 or ipv6."`
	Size   Size   `key:"size" default:"56" min:"0" max:"65000" doc:"Bytes of payload."`
}

// SMTPSend delivers a mail.
type SMTPSend struct {
	Common   `key:",inline"`
	Node     string   `key:"node,required" ref:"node" doc:"The node whose client it is."`
	To       string   `key:"to,required" ref:"server" doc:"The mail server."`
	Family   Family   `key:"family" default:"ipv4" doc:"Which of the server's addresses: ipv4 or ipv6."`
	From     string   `key:"from,required" doc:"Sender, as alice@example.test."`
	For      []string `key:"recipients,required" doc:"Recipients."`
	Subject  string   `key:"subject" doc:"Subject of the mail."`
	Body     string   `key:"body" text:"any" doc:"Text of the mail."`
	User     string   `key:"user" doc:"User of AUTH PLAIN."`
	Password string   `key:"password" doc:"The user's password."`
	Close    Close    `key:"close" default:"after_reply" doc:"How the client closes the connection after QUIT."`
}

// ProxyServer configures our proxy: it takes connections and passes what
// comes on to another server, byte for byte unless told otherwise.
type ProxyServer struct {
	Port   int      `key:"port,required" min:"1" max:"65535" doc:"Where it listens."`
	To     string   `key:"to,required" ref:"server" doc:"The server to pass on to."`
	Family Family   `key:"family" default:"ipv4" doc:"Which of that server's addresses: ipv4 or ipv6."`
	Flip   *ProxyAt `key:"flip" doc:"Invert the lowest bit of one byte on the way."`
	Cut    *ProxyAt `key:"cut" doc:"Close both connections in an orderly way when so many bytes have passed."`
	Record YesNo    `key:"record" doc:"Write what passes into the node's log."`
	Close  Close    `key:"close" default:"at_once" doc:"How the proxy closes a connection when the other one has ended."`
}

// A ProxyAt is a place in what passes.
type ProxyAt struct {
	Of    ProxyWay `key:"of" default:"answer" doc:"request: what the client sends; answer: what the server sends."`
	After Size     `key:"after" doc:"Number of bytes that pass unharmed before; 0 if absent."`
	Text  string   `key:"text" doc:"Not before this text: counted from its beginning."`
}

// A ProxyWay is a direction through a proxy.
type ProxyWay string

// The directions.
const (
	ProxyRequest ProxyWay = "request"
	ProxyAnswer  ProxyWay = "answer"
)

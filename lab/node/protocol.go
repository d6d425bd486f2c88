package node

import (
	"net/netip"
	"time"

	"netlab/lab/gate"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/probes/sockdiag"
	"netlab/scenarios"
)

// What the supervisor is asked to do, in this order.
const (
	doLogs   = "logs"   // LogsRequest with one file for each name
	doUp     = "up"     // UpRequest with the capture file -> UpReply
	doAgents = "agents" // AgentsRequest -> one file for each: the agents' control sockets
	doSettle = "settle" // SettleRequest -> SettleReply
	doLook   = "look"   // LookRequest: sockdiag and ss look now, at counters, too
	doLookAt = "lookat" // LookAtRequest -> LookAtReply: sockdiag looks at single sockets
	doDrain  = "drain"  // ends the probes; the events' connection ends after the last event
	doChange = "change" // ChangeRequest: changes links, routes, rules, settings
	doGate   = "gate"   // GateRequest -> GateReply: a step of a gate
	doTally  = "tally"  // gates emit how often rules have matched
	doFrames = "frames" // -> FramesReply: what is held
	doHand   = "hand"   // HandRequest: lets a frame on by hand, or drops it
	doClear  = "clear"  // destroys the sockets that would keep namespaces alive
)

// What an agent is asked to do.
const (
	doHello   = "hello"   // -> HelloReply; says that the agent is ready
	doServe   = "serve"   // ServeRequest: the reply comes when the server listens
	doStep    = "step"    // StepRequest -> probes.Step
	doFlush   = "flush"   // sends the events that are still held back
	doSecrets = "secrets" // with a file: where secrets of TLS are appended
	doFurnish = "furnish" // FurnishRequest: files for programs
	doAwait   = "await"   // -> News, when there is some
	doFinish  = "finish"  // stops servers and closes sessions
)

// LogsRequest hands over the log files of nodes.
type LogsRequest struct{ Nodes []string }

// UpRequest asks for the lab to be built.
type UpRequest struct {
	Plan       *plan.Plan
	Everywhere bool            // an agent in every node, whether anything runs there or not
	Without    []probes.Source // probes not to be used
	MaxCapture int64           // bytes
	Hold       bool            // gates hold every TCP frame until it is let on by hand
}

// UpReply says what was built.
type UpReply struct {
	Nodes  []probes.NodeInfo
	Probes []probes.ProbeStatus
	Agents []string // nodes with an agent
	Netem  []string // links that the kernel's netem impairs
	Took   map[string]time.Duration
}

// AgentsRequest asks for the control sockets of Count agents from From on, in
// the order of UpReply.Agents.
type AgentsRequest struct{ From, Count int }

// SettleRequest asks to wait until the lab is at rest, or until all
// conditions hold.
type SettleRequest struct {
	Within time.Duration
	Until  []Condition
}

// A Condition is a socket in a state. A socket that is in no table is CLOSED.
type Condition struct {
	Node  string
	Flow  probes.Flow // of the node's own side
	State probes.State
}

// SettleReply says whether it came to rest, and if not, what was still open.
// Where there is no sockdiag to look with, it says only what gates hold.
type SettleReply struct {
	Rest  bool
	Looks int
	Open  []OpenSocket
	Held  []string // frames that gates hold, in words
}

// An OpenSocket is a socket that is not at rest.
type OpenSocket struct {
	Node    string
	Flow    probes.Flow
	State   probes.State
	Unacked uint32 // bytes
}

// GateRequest asks for a step of a gate. That it fails is the step's result.
type GateRequest struct {
	Step    scenarios.Step
	Link    string // the gate's
	Rule    string // what the rule is called that the step gives
	Timeout time.Duration
	Flows   []probes.Flow // one of them is that of an injected segment: the one that came from the end that it seems to come from
}

// GateReply says how many frames were released or discarded.
type GateReply struct{ Frames int }

// FramesReply is what is held, and every socket that there is.
type FramesReply struct {
	Idle    bool // no process of the lab ran or waited for a processor just before
	Blocked int  // steps that the supervisor takes, and that wait for what has not come
	Waiting []gate.Frame
	Sockets []sockdiag.Socket
}

// HandRequest says what is to become of a frame that is held.
type HandRequest struct {
	Link  string
	Frame uint64
	Do    Hand
}

// A Hand is what can be done to a frame by hand.
type Hand string

// The three things.
const (
	HandPass      Hand = "pass"
	HandDrop      Hand = "drop"
	HandDuplicate Hand = "duplicate"
)

// LookRequest names which looks to take.
type LookRequest struct{ SS bool }

// LookAtRequest names sockets that something has happened to.
type LookAtRequest struct{ Asks []sockdiag.Ask }

// LookAtReply says how much CPU time the looks took, reading the request
// included.
type LookAtReply struct{ Spent time.Duration }

// HelloReply says who answers.
type HelloReply struct {
	PID    int
	Cookie uint64 // of the network namespace
}

// ServeRequest asks an agent to start a server.
type ServeRequest struct {
	Server   scenarios.Server
	Dir      bool                    // the served directory's descriptor comes with the request
	Names    []string                // of its node
	Addrs    []netip.Addr            // of its node
	Identity Identity                // of a server with TLS
	Target   netip.AddrPort          // of a proxy or a resolver: the server that it asks
	Hosts    map[string][]netip.Addr // of a name server: addresses of all nodes
	Patience time.Duration           // how long peers are waited for, instead of bounds of the server's own; 0 for those
}

// An Identity is a certificate with its key, and what vouches for it.
type Identity struct {
	Certificate []byte `json:",omitempty"` // PEM, the chain
	Key         []byte `json:",omitempty"` // PEM, PKCS #8
}

// StepRequest asks an agent to take a step.
type StepRequest struct {
	Step    scenarios.Step
	Timeout time.Duration
	Target  netip.AddrPort   // where the server is that the step names, in the step's family
	Peer    scenarios.Server // that server
	Behind  scenarios.Server // the server behind it, if it is a proxy; else itself
	Raw     bool             // an FTP session will do what only our own client can
	Trust   Trust            // of an http.client
}

// Trust is what a client needs to verify certificates of the lab.
type Trust struct {
	Authority []byte `json:",omitempty"` // PEM, the lab's authority
	Revoked   []byte `json:",omitempty"` // DER, its revocation list
}

// ChangeRequest asks the supervisor to change the network: a step of which
// scenarios.Step.OfNetwork is true.
type ChangeRequest struct{ Step scenarios.Step }

package scenarios

// ExecServer is any program of the host that serves.
//
// A node sees the host's files read-only, with /tmp, /run and /var of its own,
// and nothing in /home and /root but what commands name by absolute paths, or
// find on the search path. This is no sandbox for hostile programs: they read
// whatever else the user who runs netlab can read (as root, everything), and
// connect to the sockets of the host's files that lie elsewhere, as in /srv.
//
// It finds the lab's authority in /run/netlab/ca.pem and certificates of its
// own in /run/netlab/NAME.pem with NAME.key, by the names of Certificate.
type ExecServer struct {
	Command     []string   `key:"command,required" text:"any" doc:"The program and its arguments; no shell. It runs in the foreground."`
	Prepare     []string   `key:"prepare" text:"any" doc:"A program that runs before, with its arguments, and must end with status 0: one that sets up a database, or a key. It finds the same files."`
	Files       []ExecFile `key:"files" doc:"Files that it finds, by path below /tmp, /run or /var: their content."`
	Environment []Variable `key:"environment" doc:"Environment variables by name, beside PATH, HOME, LANG."`
	Directory   string     `key:"directory" default:"/" doc:"Where it starts."`
	Port        int        `key:"port" min:"1" max:"65535" doc:"Where it listens: for steps that name the server. The server is ready when something listens there, if 'ready' says nothing else."`
	Ready       *ExecReady `key:"ready" doc:"When it is ready."`
	Stop        Signal     `key:"stop" default:"TERM" doc:"Signal that ends it: TERM, INT, QUIT, HUP or KILL."`
	Within      Duration   `key:"within" default:"10s" min:"1ms" max:"1h" doc:"Time until it must be ready."`
}

// ExecReady says when a program is ready: by exactly one of its keys.
type ExecReady struct {
	Port int    `key:"port,kind" min:"1" max:"65535" doc:"Something listens on this port."`
	Line string `key:"line,kind" doc:"It has printed a line that contains this."`
	File string `key:"file,kind" doc:"This file exists."`
}

// An ExecFile is a file that a program finds.
type ExecFile struct {
	At      Pos
	Name    string // path
	Content string `text:"any"`
}

// A Variable is one of the environment.
type Variable struct {
	At    Pos
	Name  string
	Value string `text:"any"`
}

// A Signal ends a program.
type Signal string

// The signals.
const (
	SIGTERM Signal = "TERM"
	SIGINT  Signal = "INT"
	SIGQUIT Signal = "QUIT"
	SIGHUP  Signal = "HUP"
	SIGKILL Signal = "KILL"
)

// Exec runs a program. That its exit status is not 0 is a failure.
type Exec struct {
	Common      `key:",inline"`
	Node        string     `key:"node,required" ref:"node" doc:"Where it runs."`
	Command     []string   `key:"command,required" text:"any" doc:"The program and its arguments; no shell."`
	Input       string     `key:"input" text:"any" doc:"What it reads from standard input."`
	Files       []ExecFile `key:"files" doc:"Files that it finds, by path below /tmp, /run or /var: their content."`
	Environment []Variable `key:"environment" doc:"Environment variables by name, beside PATH, HOME, LANG."`
	Directory   string     `key:"directory" default:"/" doc:"Where it starts."`
	Background  YesNo      `key:"background" doc:"Do not wait for its end: exec.wait does, or the end of the lab ends it."`
}

// ExecWait waits for a program.
type ExecWait struct {
	Common  `key:",inline"`
	Process string `key:"process,required" ref:"process" doc:"Name of an exec step with background: on."`
}

// ProcessSignal sends a signal to a program.
type ProcessSignal struct {
	Common  `key:",inline"`
	Process string `key:"process,required" ref:"process" doc:"Name of an exec server, or of an exec step with background: on."`
}

// ServerStop stops a server.
type ServerStop struct {
	Common `key:",inline"`
	To     string `key:"server,required" ref:"server" doc:"The server."`
}

// Needs is what a scenario needs of the machine. What is missing makes it
// inconclusive before anything starts.
type Needs struct {
	Packages []string  `key:"packages" doc:"Debian packages. On other systems, and where a package was not installed as one, a program of its name on the search path will do."`
	Programs []string  `key:"programs" doc:"Programs on the search path, beside the first words of all commands, which are looked for in any case."`
	Kernel   string    `key:"kernel" doc:"Oldest version of Linux, as 5.14."`
	Features []Feature `key:"features" doc:"What the kernel must allow: bpf, nftables, conntrack, nat, ftp_helper, overlay, userns, ipv6; root where a program becomes another user."`
}

// A Feature is something that a kernel may lack or refuse.
type Feature string

// The features; lab/doctor tries each.
const (
	FeatureBPF       Feature = "bpf"
	FeatureNftables  Feature = "nftables"
	FeatureConntrack Feature = "conntrack"
	FeatureNAT       Feature = "nat"
	FeatureFTPHelper Feature = "ftp_helper"
	FeatureOverlay   Feature = "overlay"
	FeatureUserNS    Feature = "userns"
	FeatureIPv6      Feature = "ipv6"
	FeatureRoot      Feature = "root" // users beside one, for programs that become another; no user namespace of an ordinary user has them
)

// Features lists the features by name.
func Features() []string {
	return []string{string(FeatureBPF), string(FeatureNftables), string(FeatureConntrack), string(FeatureNAT),
		string(FeatureFTPHelper), string(FeatureOverlay), string(FeatureUserNS), string(FeatureIPv6), string(FeatureRoot)}
}

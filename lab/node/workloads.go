package node

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"netlab/lab/workload/socket"
	"netlab/probes"
	"netlab/probes/clock"
	"netlab/scenarios"
)

// A stopper is a server that can be stopped.
type stopper interface {
	Stop(ctx context.Context) error
}

// A client is a session: what a step with a name has opened, and further
// steps speak to.
type client interface {
	// step takes a step of the session. That it fails is an error, beside what
	// there is of a result.
	step(ctx context.Context, r StepRequest) (probes.Step, error)
}

// serve starts a server; it is ready when serve returns.
func (a *agent) serve(ctx context.Context, r ServeRequest, files []*os.File) error {
	server, err := a.start(ctx, r, files)
	if err != nil {
		return a.taken(r, err)
	}
	a.mu.Lock()
	a.servers = append(a.servers, served{r.Server.Name, r.Server.Port(), server})
	a.mu.Unlock()
	return nil
}

// A served is a server that was started, and its name and port in the scenario.
type served struct {
	name string
	port int
	stopper
}

func (a *agent) start(ctx context.Context, r ServeRequest, files []*os.File) (stopper, error) {
	switch s := &r.Server; {
	case s.FTP != nil:
		return a.startFTP(ctx, r, files)
	case s.HTTP != nil, s.HTTPS != nil:
		return a.startHTTP(ctx, r)
	case s.TCP != nil:
		return a.startTCP(ctx, r)
	case s.UDP != nil:
		return a.startUDP(ctx, r)
	case s.DNS != nil:
		return a.startDNS(ctx, r)
	case s.SMTP != nil:
		return a.startSMTP(ctx, r)
	case s.Proxy != nil:
		return a.startProxy(ctx, r)
	case s.Exec != nil:
		return a.startExec(ctx, r)
	}
	return nil, fmt.Errorf("this version cannot serve %q", r.Server.Name)
}

// step takes a step. That it fails is a result.
func (a *agent) step(ctx context.Context, r StepRequest) (probes.Step, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Timeout, fmt.Errorf("no answer within %v", r.Timeout))
	defer cancel()
	step, err := a.take(ctx, r)
	if err != nil {
		step.Error = err.Error()
	}
	return step, nil
}

func (a *agent) take(ctx context.Context, r StepRequest) (probes.Step, error) {
	name := r.Step.Session()
	switch {
	case r.Step.Opens():
		opened, result, err := a.open(ctx, r)
		if err != nil {
			return result, err
		}
		a.remember(r.Step, opened)
		return result, nil
	case name == "":
		return a.takeAlone(ctx, r)
	}
	s, err := a.session(name)
	if err != nil {
		return probes.Step{}, err
	}
	return s.step(ctx, r)
}

// sessionKey is what a session is known by: its name. One that has none is
// kept all the same: nobody but its step may close it, least of all the
// collector of garbage.
func sessionKey(s scenarios.Step) string {
	return cmp.Or(s.Session(), fmt.Sprintf("steps[%d]", s.Index-1))
}

// remember keeps the session that a step opens.
func (a *agent) remember(step scenarios.Step, s client) {
	a.mu.Lock()
	a.sessions[sessionKey(step)] = s
	a.mu.Unlock()
}

// forget takes a session back that has not come about.
func (a *agent) forget(step scenarios.Step) {
	a.mu.Lock()
	delete(a.sessions, sessionKey(step))
	a.mu.Unlock()
}

// session returns the session of a name.
func (a *agent) session(name string) (client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sessions[name]
	if s == nil {
		return nil, fmt.Errorf("no session %q: it was not opened", name)
	}
	return s, nil
}

// open takes a step that opens a session.
func (a *agent) open(ctx context.Context, r StepRequest) (client, probes.Step, error) {
	switch s := &r.Step; {
	case s.FTPConnect != nil:
		return a.openFTP(ctx, r)
	case s.HTTPClient != nil:
		return a.openHTTP(ctx, r)
	case s.TCPConnect != nil:
		return a.openTCP(ctx, r)
	case s.TCPListen != nil:
		return a.openListener(r)
	case s.TCPAccept != nil:
		return a.acceptTCP(ctx, r)
	case s.UDPOpen != nil:
		return a.openUDP(r)
	case s.UDPBind != nil:
		return a.bindUDP(r)
	case s.SQLConnect != nil:
		return a.openSQL(ctx, r)
	}
	return nil, probes.Step{}, fmt.Errorf("this version cannot do %q", r.Step.Verb)
}

// takeAlone takes a step that belongs to no session.
func (a *agent) takeAlone(ctx context.Context, r StepRequest) (probes.Step, error) {
	switch s := &r.Step; {
	case s.DNSLookup != nil:
		return a.lookUp(ctx, r)
	case s.SMTPSend != nil:
		return a.sendMail(ctx, r)
	case s.Ping != nil:
		n, err := socket.Ping(ctx, r.Target.Addr(), int(s.Ping.Size))
		return probes.Step{Bytes: int64(n)}, err
	case s.Exec != nil:
		return a.exec(ctx, r)
	case s.ExecWait != nil:
		return a.awaitExec(ctx, r)
	case s.ProcessKill != nil, s.ProcessStop != nil, s.ProcessContinue != nil:
		return a.signal(ctx, r)
	case s.ServerStop != nil:
		return probes.Step{}, a.stopServer(ctx, s.ServerStop.To)
	}
	return probes.Step{}, fmt.Errorf("this version cannot do %q", r.Step.Verb)
}

// stopServer stops one server before the end.
func (a *agent) stopServer(ctx context.Context, name string) error {
	a.mu.Lock()
	var found stopper
	for i, s := range a.servers {
		if s.name == name {
			found = s.stopper
			a.servers = append(a.servers[:i:i], a.servers[i+1:]...)
			break
		}
	}
	a.mu.Unlock()
	if found == nil {
		return fmt.Errorf("server %q does not run", name)
	}
	err := found.Stop(ctx)
	a.tellEdits(name, found)
	return err
}

// An editor is a server that may change what passes through it.
type editor interface{ Edits() []probes.Edit }

// tellEdits records how often a server has made the changes that it is for.
func (a *agent) tellEdits(name string, server stopper) {
	proxy, ok := server.(editor)
	if !ok {
		return
	}
	for _, e := range proxy.Edits() {
		e.Server = name
		a.events.emit(probes.Event{Time: clock.Now(), Source: probes.Lab, Kind: probes.KindEdit, Grade: probes.Recorded, Node: a.node, Edit: &e})
	}
}

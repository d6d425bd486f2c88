package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/ftp"
	"netlab/probes"
	"netlab/probes/calls"
	"netlab/scenarios"

	"golang.org/x/sys/unix"
)

// An ftpSession is a session of an FTP client, and who records its calls.
type ftpSession struct {
	ftp    *ftp.Session
	caller *calls.Caller
}

// startFTP starts an FTP server. A directory that it serves came as a
// descriptor.
func (a *agent) startFTP(ctx context.Context, r ServeRequest, files []*os.File) (stopper, error) {
	spec := ftpSpec(r.Server.FTP)
	if time.Duration(spec.IdleTimeout) == scenarios.DefaultFTPIdle {
		spec.IdleTimeout = cmp.Or(workload.Duration(r.Patience), spec.IdleTimeout)
	}
	if r.Dir {
		if len(files) != 1 {
			return nil, errors.New("the directory to serve did not come along")
		}
		// Kept open for as long as the server may walk it.
		dir, err := keep(files[0])
		if err != nil {
			return nil, err
		}
		spec.Dir, spec.DirMode = dir, ftp.DirMode(r.Server.FTP.DirMode)
	}
	options := ftp.ServerOptions{
		Calls: a.calls.Caller(r.Server.Name), Secrets: a.secretsWriter(),
		Log: logHandler(r.Server.Name), Patience: r.Patience,
	}
	if f := r.Server.FTP; f.TLS != "" && f.TLS != scenarios.NoTLS {
		certificate, err := r.Identity.certificate()
		if err != nil {
			return nil, err
		}
		options.Certificate = &certificate
	}
	return ftp.Start(context.WithoutCancel(ctx), spec, options)
}

// keep returns a path by which the directory can be reached for as long as
// this process lives.
func keep(dir *os.File) (string, error) {
	kept, err := keepOpen(dir)
	if err != nil {
		return "", fmt.Errorf("keep directory to serve: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", kept), nil
}

// keepOpen returns a descriptor of a file that stays open when the request is
// over that it came with.
func keepOpen(f *os.File) (int, error) { return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0) }

// ftpSpec says in the workload's words what the scenario says in its own.
func ftpSpec(f *scenarios.FTPServer) ftp.ServerSpec {
	check := bool(f.PeerCheck)
	spec := ftp.ServerSpec{
		Port: f.Port, Anonymous: f.Anonymous,
		Users: map[string]string{}, Files: map[string]ftp.File{},
		PassivePorts: ftp.PortRange{Low: uint16(f.PassivePorts.Low), High: uint16(f.PassivePorts.High)},
		Active:       ftp.ActiveMode(f.Active), TLS: ftp.TLSMode(f.TLS),
		IdleTimeout: workload.Duration(f.IdleTimeout.Duration), PeerCheck: &check,
		Close: closeOf(f.Close), DataClose: closeOf(f.DataClose),
	}
	if f.Active == scenarios.ActiveOff {
		spec.Active = ftp.ActiveOff
	}
	for _, u := range f.Users {
		spec.Users[u.Name] = u.Password
	}
	for _, file := range f.Files {
		spec.Files[file.Name] = ftp.File{Content: file.Content, Size: int64(file.Size)}
	}
	return spec
}

func closeOf(c scenarios.Close) workload.Close {
	return workload.Close{Style: workload.CloseStyle(c.Style), Delay: c.Delay.Duration, Cap: c.Within.Duration}
}

// openFTP opens a session.
func (a *agent) openFTP(ctx context.Context, r StepRequest) (client, probes.Step, error) {
	c := r.Step.FTPConnect
	caller := a.calls.Caller(c.As)
	caller.SetStep(r.Step.Index)
	options := ftp.Options{
		// Other people's programs have certificates of their own.
		TLS: ftp.TLSMode(c.TLS), Insecure: r.Peer.FTP == nil, ServerName: r.Peer.Node,
		RootsPEM: string(r.Trust.Authority), Secrets: a.secretsWriter(),
		Mode: ftp.DataMode(c.Mode), TrustPASV: c.TrustPASV,
		Timeout: workload.Duration(r.Timeout), DataClose: closeOf(c.DataClose),
	}
	if r.Raw {
		options.Client = ftp.Raw
	}
	opened, result, err := ftp.Connect(ctx, caller, r.Target.String(), options)
	if err != nil {
		return nil, ftpStep(result), err
	}
	return &ftpSession{ftp: opened, caller: caller}, ftpStep(result), nil
}

// step takes a step of the session.
func (s *ftpSession) step(ctx context.Context, r StepRequest) (probes.Step, error) {
	s.caller.SetStep(r.Step.Index)
	result, err := takeStep(ctx, s.ftp, r.Step)
	return ftpStep(result), err
}

// ftpStep is a result as the record has it.
func ftpStep(r ftp.Result) probes.Step {
	return probes.Step{Reply: r.Reply, Text: r.Text, Bytes: r.Bytes, SHA256: r.SHA256, Content: r.Content, Cut: r.Cut}
}

// takeStep does what a step's verb says.
func takeStep(ctx context.Context, s *ftp.Session, step scenarios.Step) (ftp.Result, error) {
	switch {
	case step.FTPLogin != nil:
		return s.Login(ctx, step.FTPLogin.User, step.FTPLogin.Password)
	case step.FTPList != nil:
		return s.List(ctx, step.FTPList.Path)
	case step.FTPRetrieve != nil:
		if some := int64(step.FTPRetrieve.AbortAfter); some > 0 {
			return retrieveSome(ctx, s, step.FTPRetrieve.Path, some)
		}
		return s.Retrieve(ctx, step.FTPRetrieve.Path)
	case step.FTPStore != nil:
		return s.Store(ctx, step.FTPStore.Path, payload(step.FTPStore.Content, step.FTPStore.Size))
	case step.FTPAppend != nil:
		return s.Append(ctx, step.FTPAppend.Path, payload(step.FTPAppend.Content, step.FTPAppend.Size))
	case step.FTPRename != nil:
		return s.Rename(ctx, step.FTPRename.From, step.FTPRename.To)
	case step.FTPRaw != nil:
		return s.Raw(ctx, step.FTPRaw.Command)
	case step.FTPQuit != nil:
		return s.Quit(ctx, closeOf(step.FTPQuit.Close))
	case step.FTPClose != nil:
		return s.Close(ctx, closeOf(step.FTPClose.Close))
	}
	return takeShortStep(ctx, s, step)
}

// takeShortStep does the verbs that need only the control connection.
func takeShortStep(ctx context.Context, s *ftp.Session, step scenarios.Step) (ftp.Result, error) {
	switch {
	case step.FTPDelete != nil:
		return s.Delete(ctx, step.FTPDelete.Path)
	case step.FTPMakeDir != nil:
		return s.MakeDir(ctx, step.FTPMakeDir.Path)
	case step.FTPRemoveDir != nil:
		return s.RemoveDir(ctx, step.FTPRemoveDir.Path)
	case step.FTPChangeDir != nil:
		return s.ChangeDir(ctx, step.FTPChangeDir.Path)
	case step.FTPSize != nil:
		return s.Size(ctx, step.FTPSize.Path)
	case step.FTPDirectory != nil:
		return s.CurrentDir(ctx)
	case step.FTPNoop != nil:
		return s.Noop(ctx)
	case step.FTPAbort != nil:
		return s.Abort(ctx)
	case step.FTPReply != nil:
		return s.AwaitReply(ctx)
	}
	return ftp.Result{}, fmt.Errorf("this version cannot do %q", step.Verb)
}

// retrieveSome fetches the beginning of a file and breaks the transfer off.
func retrieveSome(ctx context.Context, s *ftp.Session, path string, some int64) (ftp.Result, error) {
	part, err := s.RetrieveSome(ctx, path, some)
	if err != nil {
		return part, err
	}
	result, err := s.Abort(ctx)
	result.Bytes, result.SHA256 = part.Bytes, part.SHA256
	result.Content, result.Cut = part.Content, part.Cut
	return result, err
}

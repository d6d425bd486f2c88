package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"netlab/lab/netns"
	"netlab/probes"
	"netlab/probes/sockdiag"
	"netlab/scenarios"

	"golang.org/x/sys/unix"
)

// A readiness is what makes a server ready.
type readiness struct {
	fails string // "did not listen on port 21"
	await func(ctx context.Context, p *program) error
}

// readinessOf returns when a server is ready: if it says nothing, as soon as
// something listens on its port, or as soon as it runs if it has none.
func readinessOf(s *scenarios.ExecServer) readiness {
	ready := scenarios.ExecReady{Port: s.Port}
	if s.Ready != nil {
		ready = *s.Ready
	}
	switch {
	case ready.Line != "":
		return readiness{fmt.Sprintf("did not print %q", ready.Line), func(ctx context.Context, p *program) error {
			select {
			case <-p.out.found:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}}
	case ready.File != "":
		return readiness{"did not make the file " + ready.File, func(ctx context.Context, _ *program) error {
			return awaitFile(ctx, ready.File)
		}}
	case ready.Port != 0:
		return readiness{fmt.Sprintf("did not listen on port %d", ready.Port), func(ctx context.Context, _ *program) error {
			return awaitPort(ctx, ready.Port)
		}}
	}
	return readiness{"did not start", func(context.Context, *program) error { return nil }}
}

// awaitReady waits until the server is ready, or has ended, or the time is
// over.
func (r readiness) awaitReady(ctx context.Context, p *program, within error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-p.ended:
			cancel(errEnded)
		case <-ctx.Done():
		}
	}()
	err := r.await(ctx, p)
	cancel(nil)
	<-watched
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errEnded), p.gone():
		text := p.over()
		if p.exit() == 0 {
			text += " (a server must stay in the foreground)"
		}
		return fmt.Errorf("%s %s: %s after %.1f s", p.command, r.fails, text, p.took.Seconds())
	case errors.Is(err, within):
		return fmt.Errorf("%s %s %w", p.command, r.fails, within)
	}
	return fmt.Errorf("%s %s: %w", p.command, r.fails, err)
}

var errEnded = errors.New("ended")

// awaitPort waits until something listens on a TCP port of this node.
func awaitPort(ctx context.Context, port int) error {
	here, err := netns.Here()
	if err != nil {
		return err
	}
	defer here.Close()
	return sockdiag.WaitListen(ctx, probes.Place{NS: here}, netip.AddrPortFrom(netip.Addr{}, uint16(port)))
}

// taken reports whether something listens on a TCP port of this node.
func taken(port int) (bool, error) {
	here, err := netns.Here()
	if err != nil {
		return false, err
	}
	defer here.Close()
	list, err := sockdiag.Listening(here)
	for _, s := range list {
		if int(s.Flow.Local.Port()) == port {
			return true, err
		}
	}
	return false, err
}

// awaitFile waits until a file exists: it has the kernel tell of what appears
// in the directory that is to hold it, or in the nearest that is there
// (inotify(7)).
func awaitFile(ctx context.Context, path string) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("watch for a file: %w", err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	defer events.Close()
	defer context.AfterFunc(ctx, func() { events.Close() })()
	buf := make([]byte, 4096)
	for {
		dir := filepath.Dir(path)
		// Watched before it is looked for, so that nothing is missed between.
		_, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONLYDIR)
		for errors.Is(err, unix.ENOENT) && dir != "/" {
			dir = filepath.Dir(dir)
			_, err = unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONLYDIR)
		}
		if err != nil {
			return fmt.Errorf("watch %s: %w", dir, err)
		}
		if _, err := os.Lstat(path); err == nil {
			return nil
		}
		if _, err := os.Lstat(filepath.Dir(path)); err == nil && dir != filepath.Dir(path) {
			continue // it has appeared meanwhile: that is what to watch
		}
		if _, err := events.Read(buf); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("watch %s: %w", dir, err)
		}
	}
}

package ss

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"netlab/probes"
)

// maxOutput bounds the text of one look: some 80 000 sockets.
const maxOutput = 16 << 20

// maxComplaint bounds what is kept of stderr, for the message of a failure.
// With -e, ss complains once for each socket on some hosts.
const maxComplaint = 4 << 10

// exitGrace is how long Wait waits for the pipes after a kill.
const exitGrace = time.Second

// elsewhere is where ss lives when PATH does not say: sbin directories are
// not in an ordinary user's.
var elsewhere = [...]string{"/usr/sbin", "/sbin", "/usr/bin", "/bin"}

// find returns the path of the program, or a probes.Unavailable.
func find() (string, error) {
	path, err := exec.LookPath("ss")
	if err == nil {
		return filepath.Abs(path)
	}
	for _, dir := range elsewhere {
		if path, err := exec.LookPath(filepath.Join(dir, "ss")); err == nil {
			return path, nil
		}
	}
	return "", &probes.Unavailable{
		Source: probes.SS,
		Reason: "the program ss is not installed",
		Remedy: "install iproute2",
	}
}

// options ask for every TCP socket: no header, numeric, all states, details,
// timers. -O, one line for each, came after iproute2 4.18.
func options(oneline bool) []string {
	args := []string{"-H", "-n", "-t", "-a", "-e", "-o"}
	if oneline {
		args = append(args, "-O")
	}
	return args
}

// errOption says that this ss does not know an option.
var errOption = errors.New("an option is unknown to this ss")

// list runs the program at path inside ns and parses what it prints. The
// process is waited for in every case; it is killed when ctx ends.
func list(ctx context.Context, path string, args []string, ns probes.Namespace) ([]Entry, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	cmd.Dir = "/"
	cmd.WaitDelay = exitGrace
	stdout := &bounded{limit: maxOutput, full: errTooMuch}
	stderr := &bounded{limit: maxComplaint}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	// The child inherits the namespace of the thread that forks it. Start
	// also starts goroutines that copy the pipes; they may run anywhere.
	if err := ns.Do(cmd.Start); err != nil {
		return nil, fmt.Errorf("start ss: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		complaint := strings.TrimSpace(stderr.buf.String())
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("run ss: %w", context.Cause(ctx))
		case stdout.over: // the kill that this meant shows as a broken pipe
			return nil, fmt.Errorf("run ss: %w", errTooMuch)
		case strings.Contains(complaint, "invalid option") || strings.Contains(complaint, "unrecognized option"):
			return nil, fmt.Errorf("run ss %s: %w: %q", strings.Join(args, " "), errOption, firstLine(complaint))
		}
		return nil, fmt.Errorf("run ss: %w: %q", err, firstLine(complaint))
	}
	return Parse(&stdout.buf)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

var errTooMuch = fmt.Errorf("ss printed more than %d bytes", maxOutput)

// A bounded keeps the first bytes written to it. Beyond the limit it fails
// with full, or discards the rest if full is nil.
type bounded struct {
	buf   bytes.Buffer
	limit int
	full  error
	over  bool // something was not kept
}

var _ io.Writer = (*bounded)(nil)

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), b.limit-b.buf.Len())
	b.buf.Write(p[:keep])
	b.over = b.over || keep < len(p)
	if b.over && b.full != nil {
		return keep, b.full
	}
	return len(p), nil
}

package node

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"netlab/lab/netns"
	"netlab/probes"
	"netlab/probes/bpf"
)

// LoadTracer puts the kernel's programs into place and has them tell of
// connections in a network of their own, of which nothing stays: what they do
// not tell as it was is not believed. Without labs, they are not believed at
// all.
func LoadTracer() (*bpf.Tracer, error) {
	if err := bpf.Allowed(); err != nil {
		return nil, err
	}
	// The stage is set while the programs load.
	type set struct {
		stage *stage
		err   error
	}
	ready := make(chan set, 1)
	go func() {
		s, err := setStage()
		ready <- set{s, err}
	}()
	tracer, err := bpf.Load()
	on := <-ready
	if err != nil {
		return nil, errors.Join(err, on.stage.close())
	}
	err = on.err
	if err == nil {
		err = tracer.Check(on.stage.cookie, on.stage.rehearse)
	}
	if err = errors.Join(err, on.stage.close()); err != nil {
		err = errors.Join(err, tracer.Close())
		if errors.Is(err, probes.ErrUnavailable) {
			return nil, err
		}
		return nil, &probes.Unavailable{Source: probes.BPF, Reason: err.Error()}
	}
	return tracer, nil
}

// A stage is a process with a network of its own, for rehearsals.
type stage struct {
	cookie uint64 // of the network namespace
	cmd    *exec.Cmd
	in     *os.File // a byte makes it rehearse; its end, end
	out    *os.File
	lines  *bufio.Reader
	errors bytes.Buffer // what it says on stderr
}

// stageWithin bounds each wait for the process.
const stageWithin = 10 * time.Second

// setStage starts the process.
func setStage() (_ *stage, err error) {
	s := &stage{cmd: trial(context.Background(), "")}
	s.cmd.Args = []string{rehearsalName}
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	defer theirOut.Close()
	s.in, s.out, s.lines = in, out, bufio.NewReader(out)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = theirIn, theirOut, &s.errors
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the self-check in a network of its own: %w", err), in.Close(), out.Close())
	}
	line, err := s.line()
	if err == nil {
		s.cookie, err = strconv.ParseUint(line, 10, 64)
	}
	if err != nil {
		closing := s.close() // then all that it said is there
		return nil, errors.Join(fmt.Errorf("self-check: %w", err), closing, errors.New(strings.TrimSpace(s.errors.String())))
	}
	return s, nil
}

// line returns what the process says next.
func (s *stage) line() (string, error) {
	if err := s.out.SetReadDeadline(time.Now().Add(stageWithin)); err != nil {
		return "", err
	}
	line, err := s.lines.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read from process %d: %w", s.cmd.Process.Pid, err)
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// rehearsed is what the process says when all went well.
const rehearsed = "rehearsed"

// rehearse has the process make its connections.
func (s *stage) rehearse() error {
	if _, err := s.in.Write([]byte{1}); err != nil {
		return err
	}
	line, err := s.line()
	if err == nil && line != rehearsed {
		err = errors.New(line)
	}
	return err
}

// close ends the process, by force where it does not end by itself. A nil
// stage has none.
func (s *stage) close() error {
	if s == nil {
		return nil
	}
	err := s.in.Close()
	late := time.AfterFunc(stageWithin, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	return errors.Join(err, s.cmd.Wait(), s.out.Close())
}

// stageMain is the main of the process.
func stageMain(context.Context) error {
	here, err := netns.Here()
	if err != nil {
		return err
	}
	defer here.Close()
	fmt.Println(here.Cookie())
	for cue := make([]byte, 1); ; {
		if _, err := os.Stdin.Read(cue); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := bpf.Rehearse(); err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		fmt.Println(rehearsed)
	}
}

package node

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"netlab/probes"
	"netlab/probes/sockdiag"
	"netlab/scenarios"
)

// The requests to a supervisor, as functions.

// GiveLogs hands over the log files of nodes; they remain the caller's.
func GiveLogs(ctx context.Context, c *Client, nodes []string, files []*os.File) error {
	_, err := c.Call(ctx, doLogs, LogsRequest{nodes}, nil, files...)
	return err
}

// Up has the lab built; the capture file remains the caller's.
func Up(ctx context.Context, c *Client, r UpRequest, capture ...*os.File) (UpReply, error) {
	var reply UpReply
	_, err := c.Call(ctx, doUp, r, &reply, capture...)
	return reply, err
}

// TakeAgents returns the control sockets of some agents.
func TakeAgents(ctx context.Context, c *Client, from, count int) ([]*os.File, error) {
	return c.Call(ctx, doAgents, AgentsRequest{From: from, Count: count}, nil)
}

// Settle waits until the lab is at rest or the conditions hold.
func Settle(ctx context.Context, c *Client, r SettleRequest) (SettleReply, error) {
	var reply SettleReply
	_, err := c.Call(ctx, doSettle, r, &reply)
	return reply, err
}

// Look has the samplers look now.
func Look(ctx context.Context, c *Client, withSS bool) error {
	_, err := c.Call(ctx, doLook, LookRequest{SS: withSS}, nil)
	return err
}

// LookAt has sockdiag look at single sockets, and returns how much CPU time
// that took.
func LookAt(ctx context.Context, c *Client, asks []sockdiag.Ask) (time.Duration, error) {
	var reply LookAtReply
	_, err := c.Call(ctx, doLookAt, LookAtRequest{asks}, &reply)
	return reply.Spent, err
}

// Change has the network changed.
func Change(ctx context.Context, c *Client, step scenarios.Step) error {
	_, err := c.Call(ctx, doChange, ChangeRequest{step}, nil)
	return err
}

// Gate has a step of a gate taken.
func Gate(ctx context.Context, c *Client, r GateRequest) (GateReply, error) {
	var reply GateReply
	_, err := c.Call(ctx, doGate, r, &reply)
	return reply, err
}

// Tally has every gate emit how often its rules have matched by now.
func Tally(ctx context.Context, c *Client) error {
	_, err := c.Call(ctx, doTally, nil, nil)
	return err
}

// Frames returns the frames that gates hold, and all sockets.
func Frames(ctx context.Context, c *Client) (FramesReply, error) {
	var reply FramesReply
	_, err := c.Call(ctx, doFrames, nil, &reply)
	return reply, err
}

// Handle does something to a frame that is held.
func Handle(ctx context.Context, c *Client, r HandRequest) error {
	_, err := c.Call(ctx, doHand, r, nil)
	return err
}

// StepsAtAgent returns how many steps an agent has been asked for and has not
// answered. What it had answered when StepsAtAgent was called is known.
func StepsAtAgent(ctx context.Context, c *Client) (int, error) {
	if c.unanswered(doStep) == 0 {
		return 0, nil
	}
	err := Hello(ctx, c) // its answer comes behind those before it
	return c.unanswered(doStep), err
}

// StepsAtSupervisor is likewise for the supervisor, but without asking it.
func StepsAtSupervisor(c *Client) int { return c.unanswered(doGate, doSettle, doChange) }

// Drain ends the supervisor's probes.
func Drain(ctx context.Context, c *Client) error {
	_, err := c.Call(ctx, doDrain, nil, nil)
	return err
}

// Clear ends the connections that would outlive the lab.
func Clear(ctx context.Context, c *Client) error {
	_, err := c.Call(ctx, doClear, nil, nil)
	return err
}

// ReceiveEvents reads the events of a supervisor's probes until they end.
func ReceiveEvents(conn *Conn, emit func(probes.Event)) error {
	for {
		var m envelope
		files, err := conn.Receive(&m)
		closeFiles(files) // none are due
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			return conn.Close()
		}
		if err != nil {
			return errors.Join(err, conn.Close())
		}
		for _, e := range m.Events {
			emit(e)
		}
	}
}

// The requests to an agent, as functions.

// Furnish gives an agent files for its programs, in /run/netlab by name.
func Furnish(ctx context.Context, c *Client, files map[string][]byte) error {
	_, err := c.Call(ctx, doFurnish, FurnishRequest{files}, nil)
	return err
}

// Await waits until the agent has news.
func Await(ctx context.Context, c *Client) (News, error) {
	var news News
	_, err := c.Call(ctx, doAwait, nil, &news)
	return news, err
}

// Hello returns when the agent is ready, or says why it never will be.
func Hello(ctx context.Context, c *Client) error {
	_, err := c.Call(ctx, doHello, nil, nil)
	return err
}

// StartServer has a server started; it listens when StartServer returns. dir
// is what it serves, nil for nothing; it remains the caller's.
func StartServer(ctx context.Context, c *Client, r ServeRequest, dir *os.File) error {
	var files []*os.File
	if dir != nil {
		r.Dir = true
		files = append(files, dir)
	}
	_, err := c.Call(ctx, doServe, r, nil, files...)
	return err
}

// TakeStep has a step taken.
func TakeStep(ctx context.Context, c *Client, r StepRequest) (probes.Step, error) {
	var result probes.Step
	_, err := c.Call(ctx, doStep, r, &result)
	return result, err
}

// Flush returns when every event that the agent had recorded was emitted.
func Flush(ctx context.Context, c *Client) error {
	_, err := c.Call(ctx, doFlush, nil, nil)
	return err
}

// Finish stops the agent's servers and closes its sessions.
func Finish(ctx context.Context, c *Client) error {
	_, err := c.Call(ctx, doFinish, nil, nil)
	return err
}

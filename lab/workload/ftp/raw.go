package ftp

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// A rawClient is this package's own client. It sends what the step says and no
// more, and knows active mode, ABOR and any line.
type rawClient struct{ s *Session }

// connectRaw opens the control connection.
func (s *Session) connectRaw(addr string) error {
	if err := s.dialControl(addr); err != nil {
		return err
	}
	if _, err := s.greet(); err != nil {
		return err
	}
	s.client = &rawClient{s}
	return nil
}

// command sends a line and returns the reply that ends it; 4yz and 5yz are
// errors.
func (c *rawClient) command(line string) (Reply, error) {
	reply, err := c.s.control.command(line)
	for err == nil && reply.preliminary() {
		reply, err = c.s.control.readReply()
	}
	return reply, check(reply, err)
}

// check makes an error of a reply that means failure.
func check(reply Reply, err error) error {
	if err == nil && reply.failed() {
		return &ReplyError{reply.Code, reply.Text}
	}
	return err
}

func (c *rawClient) login(user, password string) error {
	reply, err := c.command("USER " + user)
	if err != nil {
		return err
	}
	if reply.Code == codeNeedPassword {
		if reply, err = c.command("PASS " + password); err != nil {
			return err
		}
	}
	if reply.Code != codeLoggedIn { // 332: an account is wanted
		return &ReplyError{reply.Code, reply.Text}
	}
	lines := []string{"TYPE I"}
	if c.s.opts.secure() {
		lines = []string{"PBSZ 0", "PROT P", "TYPE I"} // RFC 4217 section 9
	}
	for _, line := range lines {
		if _, err := c.command(line); err != nil {
			return err
		}
	}
	return nil
}

func (c *rawClient) simple(verb simpleVerb, path, to string) error {
	if verb == verbRename {
		if _, err := c.s.control.expect(codeRenameTo, "RNFR "+path); err != nil {
			return err
		}
		_, err := c.command("RNTO " + to)
		return err
	}
	lines := map[simpleVerb]string{
		verbDelete: "DELE " + path, verbMakeDir: "MKD " + path, verbRemoveDir: "RMD " + path,
		verbChangeDir: "CWD " + path, verbCurrentDir: "PWD", verbSize: "SIZE " + path, verbNoop: "NOOP",
	}
	line, ok := lines[verb]
	if !ok {
		return fmt.Errorf("%w: no verb %q", errors.ErrUnsupported, verb)
	}
	_, err := c.command(line)
	return err
}

func (c *rawClient) quit() error {
	return errors.Join(c.s.control.send("QUIT"), c.s.control.Close())
}

// transfer opens a data connection, sends the command and moves the data.
func (c *rawClient) transfer(t transferCommand) error {
	line := t.name
	if t.path != "" {
		line += " " + t.path
	}
	d, err := c.begin(line)
	if err != nil {
		return err
	}
	if t.some > 0 {
		_, err := io.CopyN(struct{ io.Writer }{io.Discard}, d, t.some)
		if err != io.EOF {
			return err // nil leaves the connection standing
		}
	}
	moved := c.move(t, d)
	closed := d.Close()
	reply, err := c.s.control.readReply()
	return errors.Join(check(reply, err), moved, closed)
}

// move copies in the direction of the command.
func (c *rawClient) move(t transferCommand, d *data) error {
	var to io.Writer = io.Discard
	var from io.Reader = d
	if t.from != nil {
		to, from = d, t.from
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, copySize))
	d.shake = t.from != nil && n == 0
	return err
}

// begin sends the command and returns the open data channel.
func (c *rawClient) begin(line string) (*data, error) {
	if c.s.opts.Mode.active() {
		return c.beginActive(line)
	}
	addr, err := c.passiveAddress()
	if err != nil {
		return nil, err
	}
	g, err := c.s.dial(addr.String())
	if err != nil {
		return nil, err
	}
	d := c.s.openData(g)
	if err := c.start(line); err != nil {
		c.s.dropData()
		return nil, err
	}
	return d, nil
}

// start sends the command of a transfer, up to its 1yz.
func (c *rawClient) start(line string) error {
	reply, err := c.s.control.command(line)
	if err := check(reply, err); err != nil {
		return err
	}
	if !reply.preliminary() {
		return fmt.Errorf("transfer ended before it began: %w", &ReplyError{reply.Code, reply.Text})
	}
	return nil
}

// passiveAddress asks where to connect to.
func (c *rawClient) passiveAddress() (netip.AddrPort, error) {
	if c.s.opts.Mode == ExtendedPassive {
		reply, err := c.s.control.expect(codeExtended, "EPSV")
		if err != nil {
			return netip.AddrPort{}, err
		}
		port, err := parseExtended(reply.Text)
		return netip.AddrPortFrom(c.s.host, port), err
	}
	reply, err := c.s.control.expect(codePassive, "PASV")
	if err != nil {
		return netip.AddrPort{}, err
	}
	addr, err := parsePassive(reply.Text)
	if !c.s.opts.TrustPASV {
		addr = netip.AddrPortFrom(c.s.host, addr.Port())
	}
	return addr, err
}

// A pendingAccept is a listener on which a data connection is awaited.
type pendingAccept struct{ *calls.Listener }

// breakOff makes the accept fail.
func (p pendingAccept) breakOff() { _ = p.SetDeadline(workload.Past()) }

// beginActive listens, tells the server where, and accepts. The kernel completes
// the server's handshake whether or not accept is called, so the reply can be
// waited for first.
func (c *rawClient) beginActive(line string) (*data, error) {
	listener, err := c.s.calls.Listen(c.s.ctx, "tcp", netip.AddrPortFrom(c.s.local, 0).String())
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	addr, err := netip.ParseAddrPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	command := eprtCommand(addr)
	if c.s.opts.Mode == Active {
		if command, err = portCommand(addr); err != nil {
			return nil, err
		}
	}
	if _, err := c.command(command); err != nil {
		return nil, err
	}
	if err := c.start(line); err != nil {
		return nil, err
	}
	conn, err := c.accept(listener)
	if err != nil {
		return nil, err
	}
	return c.s.openData(c.s.guard(conn)), nil
}

// accept takes the server's connection. Others may have found the port, too.
func (c *rawClient) accept(listener *calls.Listener) (*calls.Conn, error) {
	if err := listener.SetDeadline(time.Now().Add(c.s.opts.timeout())); err != nil {
		return nil, err
	}
	pending := pendingAccept{listener}
	c.s.breaksOff(pending)
	defer c.s.lets(pending)
	for {
		conn, err := listener.AcceptConn()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, fmt.Errorf("the server opened no data connection: %w", err)
		}
		if err != nil {
			return nil, err
		}
		if conn.Flow().Remote.Addr() == c.s.host {
			return conn, nil
		}
		if err := conn.CloseBecause("not from the server"); err != nil {
			return nil, err
		}
	}
}

// secondReply is how long abort waits for the second of two replies, which not
// every server sends.
const secondReply = 2 * time.Second

// abort sends ABOR. With a transfer under way two replies come, one to it and
// one to ABOR (RFC 959, section 4.1.3).
func (c *rawClient) abort() error {
	standing := c.s.data != nil && !c.s.data.closed
	reply, err := c.s.control.command("ABOR")
	if err == nil && standing && reply.Code != codeNothingToAbort {
		reply, err = c.second(reply)
	}
	if reply.Code != codeAborted { // which is what was asked for
		err = check(reply, err)
	}
	if standing {
		c.s.data.ctx = c.s.ctx
		err = errors.Join(err, c.s.data.Close())
	}
	return err
}

// second waits for a second reply; without one the first stands.
func (c *rawClient) second(first Reply) (Reply, error) {
	limit := c.s.opts.timeout()
	c.s.control.setLimit(min(secondReply, limit))
	defer c.s.control.setLimit(limit)
	reply, err := c.s.control.readReply()
	if errors.Is(err, os.ErrDeadlineExceeded) && c.s.ctx.Err() == nil {
		return first, nil
	}
	return reply, err
}

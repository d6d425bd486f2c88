package smtp

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/netip"
	"strings"
	"sync"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"

	"github.com/emersion/go-sasl"
	smtplib "github.com/emersion/go-smtp"
)

// A Mail is what is delivered, and how.
type Mail struct {
	From           string
	For            []string // recipients; if one is refused, nobody gets it
	Subject, Body  string
	User, Password string         // of AUTH PLAIN, if User is not empty
	Hello          string         // who the client says it is
	Close          workload.Close // after QUIT
	Timeout        time.Duration  // of one reply
}

// A Result is what came of a delivery: the reply to the mail's end, or that
// which refused it.
type Result struct {
	Reply  int
	Text   string
	Bytes  int64 // of the message
	SHA256 string
}

// A ReplyError is a reply that means failure.
type ReplyError struct {
	Code int
	Text string
}

// Error returns the reply.
func (e *ReplyError) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Text) }

// Send delivers a mail and closes the connection, in the mail's style: after a
// refusal, too, the client says QUIT. A reply that means failure is a
// *ReplyError, with the Result.
func Send(ctx context.Context, caller *calls.Caller, server netip.AddrPort, m Mail) (Result, error) {
	message, err := m.message(time.Now())
	if err != nil {
		return Result{}, fmt.Errorf("send mail: %w", err)
	}
	raw, err := caller.DialContext(ctx, "tcp", server.String(), calls.DialOptions{})
	if err != nil {
		return Result{}, workload.Failed(ctx, "connect to "+server.String(), err)
	}
	conn := &clientConn{Conn: raw}
	stop := context.AfterFunc(ctx, conn.breakOff)
	defer stop()
	result, err := m.deliver(smtplib.NewClient(conn), message)
	var refused *ReplyError
	if err != nil && !errors.As(err, &refused) {
		return result, errors.Join(workload.Failed(ctx, "send mail", err), closed(raw.Close()))
	}
	return result, errors.Join(err, m.quit(ctx, conn))
}

// closed drops the error of a close that came second: the library closes, too.
func closed(err error) error {
	if calls.Errno(err) == "EBADF" {
		return nil
	}
	return err
}

// deliver does everything before QUIT.
func (m Mail) deliver(c *smtplib.Client, message string) (Result, error) {
	if m.Timeout > 0 {
		c.CommandTimeout, c.SubmissionTimeout = m.Timeout, m.Timeout
	}
	steps := []func() error{func() error { return c.Hello(m.Hello) }}
	if m.User != "" {
		steps = append(steps, func() error { return c.Auth(sasl.NewPlainClient("", m.User, m.Password)) })
	}
	steps = append(steps, func() error { return c.Mail(m.From, &smtplib.MailOptions{Size: int64(len(message))}) })
	for _, to := range m.For {
		steps = append(steps, func() error { return c.Rcpt(to, nil) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return refusal(err)
		}
	}
	data, err := c.Data()
	if err != nil {
		return refusal(err)
	}
	if _, err := io.WriteString(data, message); err != nil {
		return Result{}, err
	}
	taken, err := data.CloseWithResponse()
	if err != nil {
		return refusal(err)
	}
	sum := sha256.Sum256([]byte(message))
	return Result{Reply: 250, Text: taken.StatusText, Bytes: int64(len(message)), SHA256: hex.EncodeToString(sum[:])}, nil
}

// refusal makes a result of a reply that means failure.
func refusal(err error) (Result, error) {
	var reply *smtplib.SMTPError
	if !errors.As(err, &reply) {
		return Result{}, err
	}
	text, _ := workload.Readable([]byte(reply.Message))
	if e := reply.EnhancedCode; e != smtplib.NoEnhancedCode && e != smtplib.EnhancedCodeNotSet {
		text = fmt.Sprintf("%d.%d.%d %s", e[0], e[1], e[2], text)
	}
	return Result{Reply: reply.Code, Text: text}, &ReplyError{reply.Code, text}
}

// quit says QUIT and closes in the mail's style. That a server is gone by then
// is no failure of the delivery.
func (m Mail) quit(ctx context.Context, conn *clientConn) error {
	if _, err := io.WriteString(conn, "QUIT\r\n"); err != nil {
		return closed(conn.Conn.Close())
	}
	return m.Close.Do(ctx, conn.Conn, func() error {
		goodbye := bufio.NewReader(io.LimitReader(conn.Conn, 64<<10))
		for {
			line, err := goodbye.ReadString('\n')
			if errors.Is(err, io.EOF) || len(line) > 3 && line[3] == ' ' {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
}

// message writes the mail as RFC 5322 wants it.
func (m Mail) message(now time.Time) (string, error) {
	for _, text := range append([]string{m.From, m.Hello}, m.For...) {
		if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '<' || r == '>' }) {
			return "", fmt.Errorf("%q cannot be an address or a name", text)
		}
	}
	if len(m.For) == 0 {
		return "", errors.New("no recipient")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Date: %s\nFrom: <%s>\nTo: <%s>\n", now.UTC().Format(time.RFC1123Z), m.From, strings.Join(m.For, ">, <"))
	if m.Subject != "" {
		fmt.Fprintf(&b, "Subject: %s\n", mime.QEncoding.Encode("utf-8", m.Subject))
	}
	b.WriteString("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n")
	b.WriteString(strings.ReplaceAll(m.Body, "\r\n", "\n"))
	if !strings.HasSuffix(b.String(), "\n") {
		b.WriteByte('\n')
	}
	return strings.ReplaceAll(b.String(), "\n", "\r\n"), nil
}

// A clientConn is a connection whose calls can be broken off for good: the
// library sets and clears deadlines of its own.
type clientConn struct {
	*calls.Conn
	mu     sync.Mutex
	broken bool
}

// SetDeadline sets the deadline, unless the connection was broken off.
func (c *clientConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		t = workload.Past()
	}
	return c.Conn.SetDeadline(t)
}

// breakOff makes pending and later calls fail.
func (c *clientConn) breakOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	_ = c.Conn.SetDeadline(workload.Past()) // fails only on a closed connection
}

package ftp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"

	"github.com/jlaffaye/ftp"
)

// A libraryClient speaks through jlaffaye/ftp. The library is given connections
// that are dialled, guarded, secured and closed by this package.
type libraryClient struct {
	s    *Session
	conn *ftp.ServerConn
	// upload is set while STOR or APPE sends nothing: see data.shake.
	emptyUpload bool
}

// connectLibrary opens the control connection and hands it to the library.
// AUTH TLS happens before: the library would secure the connection where its
// replies could not be seen, and leave the data connections in clear text
// (jlaffaye/ftp#425). What is on the wire is the same.
func (s *Session) connectLibrary(addr string) error {
	if err := s.dialControl(addr); err != nil {
		return err
	}
	greeting, err := s.greet()
	if err != nil {
		return err
	}
	s.control.again = fmt.Appendf(nil, "%d \r\n", greeting.Code)
	c := &libraryClient{s: s}
	options := []ftp.DialOption{
		ftp.DialWithDialFunc(c.dial),
		ftp.DialWithDisabledEPSV(s.opts.Mode != ExtendedPassive),
		ftp.DialWithTrustPasvIP(s.opts.TrustPASV),
		// A step called list is LIST, for both clients, not MLSD.
		ftp.DialWithDisabledMLSD(true),
	}
	if s.tlsConfig != nil {
		options = append(options, ftp.DialWithTLS(s.tlsConfig)) // PBSZ and PROT after the login
	}
	if c.conn, err = ftp.Dial(addr, options...); err != nil {
		return translate(err)
	}
	s.client = c
	return nil
}

// dial gives the library its first connection, then data connections.
func (c *libraryClient) dial(_, addr string) (net.Conn, error) {
	if c.conn == nil {
		return c.s.control, nil
	}
	g, err := c.s.dial(addr)
	if err != nil {
		return nil, err
	}
	d := c.s.openData(g)
	d.shake = c.emptyUpload
	return d, nil
}

func (c *libraryClient) login(user, password string) error {
	err := c.conn.Login(user, password)
	var protocol *textproto.Error
	if err == nil || errors.As(err, &protocol) {
		return translate(err)
	}
	// For some refusals the library returns the text alone.
	if last, ok := c.s.control.last(); ok && last.failed() {
		return &ReplyError{last.Code, last.Text}
	}
	return err
}

func (c *libraryClient) transfer(t transferCommand) error {
	var err error
	switch t.name {
	case "LIST":
		_, err = c.conn.List(t.path)
	case "NLST":
		_, err = c.conn.NameList(t.path)
	case "RETR":
		err = c.retrieve(t.path)
	default:
		err = c.upload(t)
	}
	return translate(err)
}

func (c *libraryClient) retrieve(path string) error {
	response, err := c.conn.Retr(path)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{response}, make([]byte, copySize))
	return errors.Join(err, response.Close())
}

func (c *libraryClient) upload(t transferCommand) error {
	first := make([]byte, 1)
	n, err := io.ReadFull(t.from, first)
	if err != nil && err != io.EOF {
		return err
	}
	c.emptyUpload = n == 0
	defer func() { c.emptyUpload = false }()
	content := io.MultiReader(bytes.NewReader(first[:n]), t.from)
	if t.name == "APPE" {
		return c.conn.Append(t.path, content)
	}
	return c.conn.Stor(t.path, content)
}

func (c *libraryClient) simple(verb simpleVerb, path, to string) error {
	var err error
	switch verb {
	case verbRename:
		err = c.conn.Rename(path, to)
	case verbDelete:
		err = c.conn.Delete(path)
	case verbMakeDir:
		err = c.conn.MakeDir(path)
	case verbRemoveDir:
		err = c.conn.RemoveDir(path)
	case verbChangeDir:
		err = c.conn.ChangeDir(path)
	case verbCurrentDir:
		_, err = c.conn.CurrentDir()
	case verbSize:
		_, err = c.conn.FileSize(path)
	case verbNoop:
		err = c.conn.NoOp()
	default:
		err = fmt.Errorf("%w: no verb %q", errors.ErrUnsupported, verb)
	}
	return translate(err)
}

func (c *libraryClient) quit() error { return translate(c.conn.Quit()) }

// translate turns the library's protocol errors into ours, with what else went
// wrong beside them.
func translate(err error) error {
	var protocol *textproto.Error
	if !errors.As(err, &protocol) {
		return err
	}
	refused := &ReplyError{protocol.Code, protocol.Msg}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) > 1 {
		return fmt.Errorf("%w (%w)", refused, err)
	}
	return refused
}

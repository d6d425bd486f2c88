package ftp

import (
	"context"
	"errors"
	"fmt"
	"io"

	"netlab/lab/workload"
)

// A simpleVerb is a verb that needs the control connection only. Its value is
// the verb's name in scenarios.
type simpleVerb string

const (
	verbRename     simpleVerb = "rename"
	verbDelete     simpleVerb = "delete"
	verbMakeDir    simpleVerb = "make_dir"
	verbRemoveDir  simpleVerb = "remove_dir"
	verbChangeDir  simpleVerb = "change_dir"
	verbCurrentDir simpleVerb = "current_dir"
	verbSize       simpleVerb = "size"
	verbNoop       simpleVerb = "noop"
)

// A transferCommand is a command that opens a data connection.
type transferCommand struct {
	name string    // LIST, NLST, RETR, STOR or APPE
	path string    // may be empty for the first two
	from io.Reader // what STOR and APPE send
	some int64     // of RETR: bytes after which the data connection is left standing; 0: all
}

// step is do for everything that a session out of step refuses.
func (s *Session) step(ctx context.Context, verb string, want int, fn func() error) (Result, error) {
	if s.outOfStep {
		return Result{}, fmt.Errorf("ftp %s: %w", verb, errOutOfStep)
	}
	return s.do(ctx, verb, want, fn)
}

// Login logs in: USER, PASS and what the client needs besides (see the
// package's comment). The result's reply is the 230.
func (s *Session) Login(ctx context.Context, user, password string) (Result, error) {
	return s.step(ctx, "login", codeLoggedIn, func() error { return s.client.login(user, password) })
}

// move is step for transfers.
func (s *Session) move(ctx context.Context, verb string, t transferCommand) (Result, error) {
	return s.step(ctx, verb, 0, func() error {
		s.dropData()
		return s.client.transfer(t)
	})
}

// List asks for a listing (LIST); an empty path is the current directory.
func (s *Session) List(ctx context.Context, path string) (Result, error) {
	return s.move(ctx, "list", transferCommand{name: "LIST", path: path})
}

// NameList asks for the names only (NLST).
func (s *Session) NameList(ctx context.Context, path string) (Result, error) {
	return s.move(ctx, "name_list", transferCommand{name: "NLST", path: path})
}

// Retrieve fetches a file (RETR), of which the size and the hash are kept.
func (s *Session) Retrieve(ctx context.Context, path string) (Result, error) {
	return s.move(ctx, "retrieve", transferCommand{name: "RETR", path: path})
}

// RetrieveSome fetches at least the first bytes of a file and leaves the data
// connection standing, unread, for Abort. Raw sessions only.
func (s *Session) RetrieveSome(ctx context.Context, path string, bytes int64) (Result, error) {
	if !s.opts.raw() {
		return Result{}, fmt.Errorf("ftp retrieve, a part only: %w", ErrNeedsRaw)
	}
	return s.move(ctx, "retrieve", transferCommand{name: "RETR", path: path, some: bytes})
}

// Store sends a file (STOR).
func (s *Session) Store(ctx context.Context, path string, content io.Reader) (Result, error) {
	return s.move(ctx, "store", transferCommand{name: "STOR", path: path, from: content})
}

// Append adds to a file (APPE).
func (s *Session) Append(ctx context.Context, path string, content io.Reader) (Result, error) {
	return s.move(ctx, "append", transferCommand{name: "APPE", path: path, from: content})
}

// simple is step for verbs of the control connection.
func (s *Session) simple(ctx context.Context, verb simpleVerb, path, to string) (Result, error) {
	return s.step(ctx, string(verb), 0, func() error { return s.client.simple(verb, path, to) })
}

// Rename renames a file or directory (RNFR, RNTO).
func (s *Session) Rename(ctx context.Context, from, to string) (Result, error) {
	return s.simple(ctx, verbRename, from, to)
}

// Delete deletes a file (DELE).
func (s *Session) Delete(ctx context.Context, path string) (Result, error) {
	return s.simple(ctx, verbDelete, path, "")
}

// MakeDir makes a directory (MKD).
func (s *Session) MakeDir(ctx context.Context, path string) (Result, error) {
	return s.simple(ctx, verbMakeDir, path, "")
}

// RemoveDir removes an empty directory (RMD).
func (s *Session) RemoveDir(ctx context.Context, path string) (Result, error) {
	return s.simple(ctx, verbRemoveDir, path, "")
}

// ChangeDir changes the current directory (CWD).
func (s *Session) ChangeDir(ctx context.Context, path string) (Result, error) {
	return s.simple(ctx, verbChangeDir, path, "")
}

// CurrentDir asks for the current directory (PWD), which the result's text
// holds in quotes.
func (s *Session) CurrentDir(ctx context.Context) (Result, error) {
	return s.simple(ctx, verbCurrentDir, "", "")
}

// Size asks for a file's size (SIZE), which is the result's text.
func (s *Session) Size(ctx context.Context, path string) (Result, error) {
	return s.simple(ctx, verbSize, path, "")
}

// Noop does nothing (NOOP).
func (s *Session) Noop(ctx context.Context) (Result, error) {
	return s.simple(ctx, verbNoop, "", "")
}

// Abort breaks off the transfer that RetrieveSome left standing (ABOR), and
// closes its data connection in the session's style: AtOnce, with data unread,
// is a reset; AfterPeer reads what is still on its way. The result's reply is
// the last; the transfer's own, a 426 as a rule, is among Replies. Raw sessions
// only.
func (s *Session) Abort(ctx context.Context) (Result, error) {
	raw, ok := s.client.(*rawClient)
	if !ok {
		return Result{}, fmt.Errorf("ftp abort: %w", ErrNeedsRaw)
	}
	result, err := s.do(ctx, "abort", 0, raw.abort)
	if err == nil {
		s.outOfStep = false
	}
	return result, err
}

// Raw sends a line as it is and waits for the first reply. Where that is a
// preliminary one, of a command that moves data, the data connection is the
// caller's affair, and AwaitReply gives the reply at the end. Raw sessions only.
func (s *Session) Raw(ctx context.Context, line string) (Result, error) {
	raw, ok := s.client.(*rawClient)
	if !ok {
		return Result{}, fmt.Errorf("ftp raw: %w", ErrNeedsRaw)
	}
	return s.step(ctx, "raw", 0, func() error {
		return check(raw.s.control.command(line))
	})
}

// AwaitReply waits for a reply that nobody asked for, such as the 421 of an
// idle timeout; whatever its code, that it came is no error. It waits until the
// context's deadline if there is one, else for Options.Timeout.
func (s *Session) AwaitReply(ctx context.Context) (Result, error) {
	return s.step(ctx, "await_reply", 0, func() error {
		if _, bounded := ctx.Deadline(); bounded {
			s.control.setLimit(0)
			defer s.control.setLimit(s.opts.timeout())
		}
		_, err := s.control.readReply()
		return err
	})
}

// Quit says goodbye (QUIT) and closes the control connection in a style. With
// AtOnce, which is what the library does by itself, the 221 is not waited for:
// the result has no reply, and the 221 is answered by RST.
func (s *Session) Quit(ctx context.Context, style workload.Close) (Result, error) {
	return s.end(ctx, "quit", style, func() error {
		s.control.goodbye = true
		return s.client.quit()
	})
}

// Close closes the control connection in a style, without QUIT, and the data
// connection if one was left standing.
func (s *Session) Close(ctx context.Context, style workload.Close) (Result, error) {
	return s.end(ctx, "close", style, func() error { return s.control.Close() })
}

// end runs what ends the session.
func (s *Session) end(ctx context.Context, verb string, style workload.Close, fn func() error) (Result, error) {
	if err := style.Validate(); err != nil {
		return Result{}, fmt.Errorf("ftp %s: %w", verb, err)
	}
	want := 0
	if verb == "quit" {
		want = codeGoodbye
	}
	result, err := s.do(ctx, verb, want, func() error {
		var data error
		if s.data != nil {
			s.data.ctx = ctx
			data = s.data.Close()
		}
		s.control.style = style
		err := fn()
		// Whatever fn met, nothing stays open. Closed already, as a rule.
		_ = s.control.Conn.Close()
		return errors.Join(err, data)
	})
	if !errors.Is(err, errClosed) {
		s.closed = true
		s.dropData()
	}
	return result, err
}

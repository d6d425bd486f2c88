package ftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"netlab/lab/workload"
)

// A Command is one step of a session as data: what an agent is told to do.
type Command struct {
	// Verb is one of login, list, name_list, retrieve, store, append, rename,
	// delete, make_dir, remove_dir, change_dir, current_dir, size, noop, abort,
	// raw, quit, close.
	Verb     string         `json:"verb"`
	User     string         `json:"user,omitempty"`
	Password string         `json:"password,omitempty"`
	Path     string         `json:"path,omitempty"`
	To       string         `json:"to,omitempty"`      // of rename
	Content  File           `json:"content,omitzero"`  // of store and append
	StopAt   int64          `json:"stop_at,omitempty"` // of retrieve: bytes after which it is left standing
	Line     string         `json:"line,omitempty"`    // of raw
	Close    workload.Close `json:"close,omitzero"`    // of quit and close
}

// Do runs one command. Its result and error are those of the verb's method.
func (s *Session) Do(ctx context.Context, c Command) (Result, error) {
	switch c.Verb {
	case "login":
		return s.Login(ctx, c.User, c.Password)
	case "list":
		return s.List(ctx, c.Path)
	case "name_list":
		return s.NameList(ctx, c.Path)
	case "retrieve":
		if c.StopAt > 0 {
			return s.RetrieveSome(ctx, c.Path, c.StopAt)
		}
		return s.Retrieve(ctx, c.Path)
	case "store":
		return s.Store(ctx, c.Path, c.Content.reader())
	case "append":
		return s.Append(ctx, c.Path, c.Content.reader())
	case "abort":
		return s.Abort(ctx)
	case "raw":
		return s.Raw(ctx, c.Line)
	case "quit":
		return s.Quit(ctx, c.Close)
	case "close":
		return s.Close(ctx, c.Close)
	}
	switch verb := simpleVerb(c.Verb); verb {
	case verbRename, verbDelete, verbMakeDir, verbRemoveDir, verbChangeDir, verbCurrentDir, verbSize, verbNoop:
		return s.simple(ctx, verb, c.Path, c.To)
	}
	return Result{}, fmt.Errorf("ftp %s: %w: no such verb", c.Verb, errors.ErrUnsupported)
}

// reader returns the file's bytes.
func (f File) reader() io.Reader {
	if f.Size > 0 {
		return Generated(f.Size)
	}
	return strings.NewReader(f.Content)
}

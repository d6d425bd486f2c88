package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"netlab/lab/workload"
	"netlab/probes"
	"netlab/probes/calls"

	"github.com/go-sql-driver/mysql"
)

// A Spec says whom a client connects as.
type Spec struct {
	Target         netip.AddrPort
	User, Password string
	Database       string // "" for none
}

// A Client is a connection to a server. Its owner closes it. It is not safe
// for concurrent use.
type Client struct {
	caller *calls.Caller
	db     *sql.DB
	conn   *sql.Conn

	mu     sync.Mutex
	socket *conn // the only one
}

// A Result is what came of a statement.
type Result struct {
	Rows    int64  // that were returned, or changed
	Content string // the beginning of the rows: fields separated by tabs
	Cut     bool   // there are more
	Bytes   int64  // of all of them
}

// Connect opens a connection and logs in.
func Connect(ctx context.Context, caller *calls.Caller, spec Spec) (*Client, error) {
	c := &Client{caller: caller}
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = spec.User, spec.Password, spec.Database
	config.Net, config.Addr = "tcp", spec.Target.String()
	config.DialFunc = c.dial
	config.Logger = &mysql.NopLogger{} // what it would say is in the errors, too
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", spec.Target, err)
	}
	c.db = sql.OpenDB(connector)
	c.db.SetMaxOpenConns(1)
	if c.conn, err = c.db.Conn(ctx); err != nil {
		return nil, errors.Join(workload.Failed(ctx, "connect to "+spec.Target.String(), err), c.db.Close())
	}
	return c, nil
}

// dial makes the connection's socket.
func (c *Client) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	raw, err := c.caller.DialContext(ctx, "tcp", addr, calls.DialOptions{})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.socket = &conn{Conn: raw}
	return c.socket, nil
}

// SetStep says which step of the scenario is under way; see [calls.Caller].
func (c *Client) SetStep(step int) { c.caller.SetStep(step) }

// Run runs a statement: one that begins as queries do returns rows, others
// change some. What the server refuses is an error with its number and
// SQLSTATE.
func (c *Client) Run(ctx context.Context, statement string) (Result, error) {
	first, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(statement)), " ")
	switch first {
	case "SELECT", "SHOW", "DESCRIBE", "EXPLAIN", "ANALYZE", "CHECK":
		result, err := c.query(ctx, statement)
		return result, failed(ctx, err)
	}
	done, err := c.conn.ExecContext(ctx, statement)
	if err != nil {
		return Result{}, failed(ctx, err)
	}
	rows, err := done.RowsAffected()
	return Result{Rows: rows}, failed(ctx, err)
}

// failed says what a statement failed with, as the server puts it.
func failed(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return fmt.Errorf("statement: %w", err)
	}
	return workload.Failed(ctx, "statement", err)
}

// query reads all rows, and keeps the beginning of them.
func (c *Client) query(ctx context.Context, statement string) (Result, error) {
	rows, err := c.conn.QueryContext(ctx, statement)
	if err != nil {
		return Result{}, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return Result{}, err
	}
	fields, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range fields {
		into[i] = &fields[i]
	}
	var result Result
	var kept []byte
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return result, err
		}
		line := lineOf(fields)
		result.Rows++
		result.Bytes += int64(len(line))
		if room := probes.MaxContent + 1 - len(kept); room > 0 { // one more tells that there is more
			kept = append(kept, line[:min(room, len(line))]...)
		}
	}
	result.Content, result.Cut = workload.Readable(kept)
	return result, rows.Err()
}

// lineOf writes a row as mysql(1) does: fields between tabs, NULL as such.
func lineOf(fields []sql.NullString) string {
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = "NULL"
		if f.Valid {
			texts[i] = f.String
		}
	}
	return strings.Join(texts, "\t") + "\n"
}

// Close says COM_QUIT and closes the connection in a style. It returns when it
// is closed.
func (c *Client) Close(ctx context.Context, style workload.Close) error {
	if err := style.Validate(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	c.mu.Lock()
	c.socket.style, c.socket.ctx = style, ctx
	c.mu.Unlock()
	err := errors.Join(c.conn.Close(), c.db.Close(), c.socket.err)
	if err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// A conn closes as it is told to.
type conn struct {
	*calls.Conn
	style workload.Close
	ctx   context.Context // of the step that closes; nil before
	once  sync.Once
	err   error // of the close
}

// Close closes the connection in its style, once: the library closes it again
// where it has failed.
func (c *conn) Close() error {
	c.once.Do(func() {
		ctx := c.ctx
		if ctx == nil { // the library gives it up
			c.err = c.Conn.Close()
			return
		}
		c.err = c.style.Do(ctx, c.Conn, nil)
	})
	return c.err
}

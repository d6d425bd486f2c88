package scenarios

import "netlab/scenarios/words"

// SQLConnect opens a connection to a database.
type SQLConnect struct {
	Common   `key:",inline"`
	Node     string `key:"node,required" ref:"node" doc:"The node whose client it is."`
	To       string `key:"to,required" ref:"server" doc:"The server: an exec server with a port, or a proxy before it."`
	Family   Family `key:"family" default:"ipv4" doc:"Which of the server's addresses: ipv4 or ipv6."`
	User     string `key:"user" default:"root" doc:"User name."`
	Password string `key:"password" doc:"Password; none if absent."`
	Database string `key:"database" doc:"The database that statements speak of."`
}

// SQLRun runs a statement.
type SQLRun struct {
	Common    `key:",inline"`
	Session   string `key:"session,required" ref:"session" doc:"The connection: name of an sql.connect step."`
	Statement string `key:"statement,required" text:"prose" doc:"One statement, without its semicolon. One that begins with SELECT, SHOW, DESCRIBE, EXPLAIN, ANALYZE or CHECK returns rows: their fields are separated by tabs."`
}

// SQLClose closes a connection.
type SQLClose struct {
	Common  `key:",inline"`
	Session string `key:"session,required" ref:"session" doc:"The connection: name of an sql.connect step."`
	Close   Close  `key:"close" default:"at_once" doc:"How the client closes the connection after COM_QUIT."`
}

// RatioExpect bounds how many times as long one thing took as another.
type RatioExpect struct {
	At      Pos
	Name    string
	Of      Span `key:"of,required" doc:"What is compared."`
	To      Span `key:"to,required" doc:"What it is compared with."`
	AtLeast int  `key:"at_least" min:"1" max:"1000000" doc:"It took at least so many times as long."`
	AtMost  int  `key:"at_most" min:"1" max:"1000000" doc:"It took at most so many times as long."`
}

// A Span is the time between two moments.
type Span struct {
	From Moment `key:"from,required" doc:"Where the time begins."`
	To   Moment `key:"to,required" doc:"Where it ends."`
}

func (c *checker) checkRatio(x *RatioExpect) {
	for _, span := range []*Span{&x.Of, &x.To} {
		c.checkMoment(&span.From)
		c.checkMoment(&span.To)
		if span.From.Text != "" && span.From.Text == span.To.Text {
			c.wrong(bad(words.SameMoment), &span.To)
		}
	}
	switch {
	case !c.given(x):
	case x.AtLeast == 0 && x.AtMost == 0:
		c.wrong(bad(words.ValueNoBounds), x)
	case x.AtLeast != 0 && x.AtMost != 0 && x.AtLeast > x.AtMost:
		c.wrong(bad(words.ValueBothBounds), &x.AtLeast, x)
	}
}

package checktest

import (
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// FTPClose writes the run of a small FTP session, closed as closing plays it
// on the control connection.
func FTPClose(opts Options, closing func(*Conn)) *timeline.Timeline {
	b := New(opts)
	var control *Conn
	b.Step("ftp.connect", "control", probes.Step{Reply: 220, Text: "netlab"}, func() {
		control = b.Dial("client", "server", 21, "ftpd")
		control.Open()
		control.Send(false, "220 netlab", 12)
	})
	b.Step("ftp.login", "", probes.Step{Reply: 230, Text: "welcome"}, func() {
		control.Send(true, "USER student", 14)
		control.Send(false, "331 password", 14)
		control.Send(true, "PASS secret", 13)
		control.Send(false, "230 welcome", 13)
	})
	b.Step("ftp.retrieve", "fetch", probes.Step{Reply: 226, Text: "done", Bytes: 6}, func() {
		control.Send(true, "RETR hello.txt", 16)
		data := b.Dial("client", "server", 2122, "ftpd")
		data.Open()
		data.Send(false, "hello", 6)
		data.FourWay(false)
		control.Send(false, "226 done", 10)
	})
	b.Step("ftp.quit", "", probes.Step{Reply: 221, Text: "bye"}, func() {
		b.Wait(1900 * time.Microsecond)
		control.Send(true, "QUIT", 6)
		control.Send(false, "221 bye", 9)
		closing(control)
	})
	b.Step("settle", "", probes.Step{}, func() { b.Wait(200 * time.Microsecond) })
	return b.Done()
}

// FTPScenario is the scenario of FTPClose, expecting a close in four
// segments by the client.
func FTPScenario() *scenarios.Scenario {
	at := func(line int) scenarios.Pos { return scenarios.Pos{File: "ftp-close.yaml", Line: line, Column: 5} }
	return &scenarios.Scenario{
		Version: 1, Name: "ftp-close", Seed: 1, Runs: 1,
		Title: scenarios.Text{EN: "Why closing an FTP connection takes a four-way handshake", ZH: "为什么结束 FTP 连接需要“四次挥手”"},
		Claim: scenarios.Text{EN: "The client sends FIN, the server ACK, the server FIN, the client ACK.",
			ZH: "客户端发送 FIN，服务器 ACK，服务器 FIN，客户端 ACK。"},
		Finding: scenarios.Partly,
		Nodes:   []scenarios.Node{{Name: "client"}, {Name: "server"}},
		Links:   []scenarios.Link{{Name: "wire", MTU: 1500, Ends: []scenarios.End{{Name: "client"}, {Name: "server"}}}},
		Servers: []scenarios.Server{{Name: "ftpd", Node: "server", FTP: &scenarios.FTPServer{Port: 21}}},
		Steps: []scenarios.Step{
			{At: at(10), Index: 1, Verb: "ftp.connect", FTPConnect: &scenarios.FTPConnect{Common: scenarios.Common{As: "control"}, Node: "client", To: "ftpd"}},
			{At: at(11), Index: 2, Verb: "ftp.login", FTPLogin: &scenarios.FTPLogin{Session: "control"}},
			{At: at(12), Index: 3, Verb: "ftp.retrieve", FTPRetrieve: &scenarios.FTPRetrieve{Common: scenarios.Common{As: "fetch"}, Session: "control"}},
			{At: at(13), Index: 4, Verb: "ftp.quit", FTPQuit: &scenarios.FTPClose{Session: "control"}},
			{At: at(14), Index: 5, Verb: "settle", Settle: &scenarios.Settle{}},
		},
		Connections: []scenarios.ConnectionName{{Name: "data", Step: "fetch", Nth: 1}},
		Expect: scenarios.Expect{Connections: []scenarios.ConnectionExpect{
			{
				At: at(20), Name: "control",
				Ends: []scenarios.EndExpect{
					{At: at(22), Name: "client", States: States("CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT")},
					{At: at(23), Name: "server", States: States("SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED")},
				},
				Opening:  Pattern("client SYN", "server SYN+ACK", "client ACK"),
				Closing:  Pattern("client FIN", "server ACK", "server FIN", "client ACK"),
				TimeWait: Who("client"),
				Resets:   Count(0, 0),
			},
			{At: at(28), Name: "data", FirstFIN: Who("server"), TimeWait: Who("server")},
		}},
		Variants: []scenarios.Variant{
			{Name: "default_acks", Note: scenarios.Text{EN: "3 segments", ZH: "三个报文段"}},
			{Name: "eager_server"},
			{Name: "library_quit", Note: scenarios.Text{EN: "RST", ZH: "RST"}},
		},
	}
}

// States reads names of states.
func States(names ...string) []scenarios.StateName {
	var out []scenarios.StateName
	for _, n := range names {
		s, err := probes.ParseState(n)
		if err != nil {
			panic(err) // a mistake in a test
		}
		out = append(out, scenarios.StateName{State: s})
	}
	return out
}

// Pattern makes a pattern of one sequence; each argument is "END WORD".
func Pattern(elements ...string) *scenarios.Pattern {
	var seq scenarios.Sequence
	for _, el := range elements {
		for i := range el {
			if el[i] == ' ' {
				seq = append(seq, scenarios.Element{{End: el[:i], Word: scenarios.SegmentWord(el[i+1:])}})
			}
		}
	}
	return &scenarios.Pattern{Alternatives: []scenarios.Sequence{seq}}
}

// Who makes a Who of alternatives.
func Who(any ...string) *scenarios.Who { return &scenarios.Who{Any: any} }

// Count makes a count; high is -1 for unbounded.
func Count(low, high int64) *scenarios.Count { return &scenarios.Count{Min: low, Max: high} }

package timelinetest

import (
	"time"

	"netlab/probes"
)

// FTPPort and DataPort are the ports of the FTP sessions here.
const (
	FTPPort  = 21
	DataPort = 2122
)

// FTPClose writes a whole FTP session in passive mode, with the steps
// "control" (ftp.connect), ftp.login, "fetch" (ftp.retrieve), ftp.quit and
// settle. The data connection is closed by the server first; closing plays
// the end of the control connection, for example
//
//	func(c *Conn) { c.FourWay(c.Opener) }
func FTPClose(opts Options, closing func(*Conn)) *Script {
	s := New(opts)
	s.Listen(FTPPort, "ftpd")
	s.Wait(time.Millisecond)
	var control *Conn
	s.Step("ftp.connect", "control", &probes.Step{Reply: 220, Text: "ready"}, func() {
		control = s.Dial(FTPPort)
		control.Open()
		control.Send(control.Acceptor, "220 ready", 11)
	})
	s.Look()
	s.Step("ftp.login", "", &probes.Step{Reply: 230, Text: "logged in"}, func() {
		control.Send(control.Opener, "USER student", 14)
		control.Send(control.Acceptor, "331 password", 14)
		control.Send(control.Opener, "PASS secret", 13)
		control.Send(control.Acceptor, "230 logged in", 15)
	})
	s.Step("ftp.retrieve", "fetch", &probes.Step{Reply: 226, Text: "done", Bytes: 6}, func() {
		control.Send(control.Opener, "EPSV", 6)
		s.Listen(DataPort, "ftpd")
		control.Send(control.Acceptor, "229 (|||2122|)", 16)
		data := s.Dial(DataPort)
		data.Open()
		control.Send(control.Opener, "RETR hello.txt", 16)
		control.Send(control.Acceptor, "150 here it comes", 19)
		data.Send(data.Acceptor, "hello", 6)
		data.FourWay(data.Acceptor)
		control.Send(control.Acceptor, "226 done", 10)
	})
	s.Step("ftp.quit", "", &probes.Step{Reply: 221, Text: "bye"}, func() {
		control.Send(control.Opener, "QUIT", 6)
		control.Send(control.Acceptor, "221 bye", 9)
		closing(control)
	})
	s.Step("settle", "", nil, func() { s.Wait(2 * time.Millisecond) })
	s.Finish()
	return s
}

// One writes a run with a single connection to a listener at port 80, in one
// step called "visit": play plays it. The record is whole.
func One(opts Options, play func(*Script, *Conn)) *Script {
	s := New(opts)
	s.Listen(80, "www")
	s.Wait(time.Millisecond)
	s.Step("visit", "visit", nil, func() { play(s, s.Dial(80)) })
	s.Finish()
	return s
}

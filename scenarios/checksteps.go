package scenarios

import "netlab/scenarios/words"

// This file checks what steps say beside the names that they refer to.

// checkSteps looks at every step.
func (c *checker) checkSteps() {
	for i := range c.s.Steps {
		s := &c.s.Steps[i]
		switch s.family() {
		case "ftp":
			c.checkFTPStep(s)
		case "http":
			c.checkHTTPStep(s)
		case "tcp", "udp":
			c.checkSocketStep(s)
		default:
			c.checkOtherStep(s)
		}
	}
}

func (c *checker) checkFTPStep(s *Step) {
	switch {
	case s.FTPConnect != nil:
		c.checkFamily(s.FTPConnect.Family, &s.FTPConnect.Family, s.FTPConnect)
		c.mayAsk(s.FTPConnect.To, &s.FTPConnect.To, "ftp", "tcp", "proxy", "exec")
	case s.FTPStore != nil:
		c.exclude("content", "size", &s.FTPStore.Content, &s.FTPStore.Size)
	case s.FTPAppend != nil:
		c.exclude("content", "size", &s.FTPAppend.Content, &s.FTPAppend.Size)
	default:
		for _, x := range []*FTPPath{s.FTPDelete, s.FTPMakeDir, s.FTPRemoveDir, s.FTPChangeDir, s.FTPSize} {
			if x != nil && x.Path == "" {
				c.wrong(bad(words.ValueMissingKey, quote("path")), &x.Path, x)
			}
		}
	}
}

func (c *checker) checkSocketStep(s *Step) {
	switch {
	case s.TCPConnect != nil:
		x := s.TCPConnect
		c.checkFamily(x.Family, &x.Family, x)
		c.mayConnect(x.To, &x.To, &x.Port, onTCP()...)
	case s.UDPOpen != nil:
		x := s.UDPOpen
		c.checkFamily(x.Family, &x.Family, x)
		c.mayConnect(x.To, &x.To, &x.Port, "udp", "dns", "exec")
	case s.TCPSend != nil:
		c.checkSent(&s.TCPSend.Content, &s.TCPSend.Size, s.TCPSend)
	case s.UDPSend != nil:
		c.checkDatagram(s.UDPSend)
	case s.TCPReceive != nil:
		c.exclude("bytes", "to_end", &s.TCPReceive.Bytes, &s.TCPReceive.ToEnd)
	}
}

// mayConnect is mayAsk for steps that may name a port of their own.
func (c *checker) mayConnect(name string, to any, port *int, kinds ...string) {
	if i, ok := c.servers.index[name]; ok && c.given(port) && isWord(c.s.Servers[i].Kind(), kinds) {
		return
	}
	c.mayAsk(name, to, kinds...)
}

// checkSent sees to it that there is something to send.
func (c *checker) checkSent(content *string, size *Size, whole any) {
	c.exclude("content", "size", content, size)
	if !c.given(content) && !c.given(size) {
		c.wrong(bad(words.OneOfKeys, "content", "size"), whole)
	}
}

// maxDatagram is the most that UDP over IPv4 carries, in bytes: RFC 768.
const maxDatagram = 65507

func (c *checker) checkDatagram(x *UDPSend) {
	c.exclude("content", "size", &x.Content, &x.Size)
	if x.Size > maxDatagram {
		c.wrong(bad(words.DatagramTooBig, int(x.Size), maxDatagram), &x.Size)
	}
	if len(x.Content) > maxDatagram {
		c.wrong(bad(words.DatagramTooBig, len(x.Content), maxDatagram), &x.Content)
	}
}

func (c *checker) checkOtherStep(s *Step) {
	switch {
	case s.Settle != nil:
		c.checkSettle(s.Settle)
	case s.DNSLookup != nil:
		c.checkLookup(s.DNSLookup)
	case s.SMTPSend != nil:
		c.checkMail(s.SMTPSend)
	case s.Exec != nil:
		c.checkExec(s.Exec)
	case s.FirewallDrop != nil:
		c.checkMatch(&s.FirewallDrop.Match, s.FirewallDrop.Node, false, s.FirewallDrop)
	case s.FirewallAccept != nil:
		c.checkMatch(&s.FirewallAccept.Match, s.FirewallAccept.Node, false, s.FirewallAccept)
	case s.FirewallReject != nil:
		c.checkMatch(&s.FirewallReject.Match, s.FirewallReject.Node, true, s.FirewallReject)
	case s.SetSysctl != nil:
		c.checkSysctlStep(s.SetSysctl)
	case s.SetRoute != nil:
		c.checkRouteStep(s.SetRoute)
	}
}

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
		case "gate":
			c.checkGateStep(s)
		default:
			c.checkOtherStep(s)
		}
		if r := s.GateRule(); r != nil {
			c.ruled[r.Link] = true
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

func (c *checker) checkOtherStep(s *Step) {
	switch {
	case s.Wait != nil:
		c.checkWait(s)
	case s.Settle != nil:
		c.checkSettle(s.Settle)
	case s.DNSLookup != nil:
		c.checkLookup(s.DNSLookup)
	case s.Ping != nil:
		c.checkFamily(s.Ping.Family, &s.Ping.Family, s.Ping)
	case s.SQLConnect != nil:
		c.checkFamily(s.SQLConnect.Family, &s.SQLConnect.Family, s.SQLConnect)
		c.mayAsk(s.SQLConnect.To, &s.SQLConnect.To, "exec", "tcp", "proxy")
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

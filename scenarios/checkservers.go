package scenarios

import (
	"io/fs"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"netlab/scenarios/words"
)

// This file checks servers.

// socket is a port of a node.
type socket struct {
	node     string
	protocol Protocol
	port     int
}

// sockets lists where a server is known to listen. Of a program that is its
// port, over TCP.
func (s *Server) sockets() []socket {
	port := s.Port()
	switch {
	case port == 0:
		return nil
	case s.UDP != nil:
		return []socket{{s.Node, UDP, port}}
	case s.DNS != nil:
		return []socket{{s.Node, TCP, port}, {s.Node, UDP, port}}
	}
	return []socket{{s.Node, TCP, port}}
}

// portKey returns the field that says where a server listens.
func (s *Server) portKey() *int {
	switch {
	case s.FTP != nil:
		return &s.FTP.Port
	case s.HTTP != nil:
		return &s.HTTP.Port
	case s.HTTPS != nil:
		return &s.HTTPS.Port
	case s.TCP != nil:
		return &s.TCP.Port
	case s.UDP != nil:
		return &s.UDP.Port
	case s.DNS != nil:
		return &s.DNS.Port
	case s.SMTP != nil:
		return &s.SMTP.Port
	case s.Proxy != nil:
		return &s.Proxy.Port
	case s.Exec != nil && s.Exec.Port == 0 && s.Exec.Ready != nil:
		return &s.Exec.Ready.Port
	case s.Exec != nil:
		return &s.Exec.Port
	}
	return nil
}

// checkServers looks at ports, and at each server's settings.
func (c *checker) checkServers() {
	for i := range c.s.Servers {
		s := &c.s.Servers[i]
		c.checkSockets(s, c.serving)
		c.checkServer(s)
	}
	c.checkCircles()
	for i := range c.s.Servers {
		if s := &c.s.Servers[i]; s.FTP != nil {
			c.checkPassivePorts(s.Node, s.FTP)
		}
	}
}

func (c *checker) checkSockets(s *Server, taken map[socket]string) {
	for _, at := range s.sockets() {
		if first, ok := taken[at]; ok && c.nodes.has(s.Node) {
			c.wrong(bad(words.PortTaken, at.port, quote(at.node), quote(first)), s.portKey(), &s.Name)
			return
		}
	}
	for _, at := range s.sockets() {
		taken[at] = s.Name
	}
}

func (c *checker) checkServer(s *Server) {
	switch {
	case s.FTP != nil:
		c.checkFTPServer(s.FTP)
	case s.HTTP != nil:
		c.checkHTTPServer(s.HTTP)
	case s.HTTPS != nil:
		c.checkHTTPServer(&s.HTTPS.HTTPServer)
		c.checkHTTPSServer(s.HTTPS)
	case s.TCP != nil:
		c.checkScript(s.TCP.Does, s.TCP.Script, &s.TCP.Does, &s.TCP.Script, s.TCP)
	case s.UDP != nil:
		c.checkScript(s.UDP.Does, s.UDP.Script, &s.UDP.Does, &s.UDP.Script, s.UDP)
	case s.DNS != nil:
		c.checkDNSServer(s)
	case s.SMTP != nil:
		c.checkSMTPServer(s.SMTP)
	case s.Proxy != nil:
		c.checkProxy(s)
	case s.Exec != nil:
		c.checkExecServer(s.Exec)
	}
}

// checkPassivePorts sees to it that no server of the node listens within.
func (c *checker) checkPassivePorts(node string, f *FTPServer) {
	if f.PassivePorts.Low == 0 {
		return
	}
	for i := range c.s.Servers {
		s := &c.s.Servers[i]
		if s.Node != node || !s.OnTCP() {
			continue
		}
		if port := s.Port(); f.PassivePorts.Low <= port && port <= f.PassivePorts.High {
			c.wrong(bad(words.PortInRange, port, quote(s.Name)), &f.PassivePorts)
			return
		}
	}
}

func (c *checker) checkFTPServer(f *FTPServer) {
	if f.IdleTimeout.Duration%time.Second != 0 {
		c.wrong(bad(words.ValueWholeSecs, quote(f.IdleTimeout.String())), &f.IdleTimeout)
	}
	if c.given(&f.Dir) {
		if dir := strings.TrimSuffix(strings.TrimPrefix(f.Dir, "./"), "/"); f.Dir != "" && !fs.ValidPath(dir) {
			c.wrong(bad(words.NameNotPath, quote(f.Dir)), &f.Dir)
		}
		if len(f.Files) > 0 {
			c.wrong(bad(words.FilesAndDir), &f.Files)
		}
	} else if c.given(&f.DirMode) {
		c.wrong(bad(words.OnlyWith, "dir"), &f.DirMode)
	}
	names := make([]*string, len(f.Files))
	for i := range f.Files {
		names[i] = &f.Files[i].Name
	}
	c.checkPaths(names)
}

// checkPaths sees to it that the paths of files can be in one tree.
func (c *checker) checkPaths(names []*string) {
	taken := map[string]*string{}
	for _, name := range names {
		clean := strings.TrimPrefix(*name, "/")
		if first, ok := taken[clean]; ok {
			c.wrong(bad(words.NameTaken, quote(*name), c.line(first)), name)
			continue
		}
		taken[clean] = name
	}
	for _, name := range names {
		clean := strings.TrimPrefix(*name, "/")
		for at := strings.LastIndexByte(clean, '/'); at > 0; at = strings.LastIndexByte(clean[:at], '/') {
			if file, ok := taken[clean[:at]]; ok {
				c.wrong(bad(words.NameInPath, quote(*file), quote(*name)), file)
				break
			}
		}
	}
}

func (c *checker) checkHTTPServer(h *HTTPServer) {
	for i := range h.Routes {
		c.checkRoute(&h.Routes[i])
		if r := &h.Routes[i]; r.Session != "" && h.Sessions == nil {
			c.wrong(bad(words.OnlyWith, "sessions"), &r.Session)
		}
	}
	if h.Sessions != nil && h.Sessions.Cookie != "" && !isToken(h.Sessions.Cookie) {
		c.wrong(bad(words.NotToken, quote(h.Sessions.Cookie)), &h.Sessions.Cookie)
	}
	c.notEmpty(len(h.Versions), &h.Versions)
	c.checkTwice(words.ListedTwice, asPointers(h.Versions))
}

// notEmpty sees to it that a list that is written has something in it.
func (c *checker) notEmpty(n int, list any) {
	if n == 0 && c.given(list) && !c.broken[list] {
		c.wrong(bad(words.ValueTooFew, 1, 0), list)
	}
}

// asPointers returns where the elements of a list of words stand.
func asPointers[T ~string](list []T) []named {
	all := make([]named, len(list))
	for i := range list {
		all[i] = named{string(list[i]), string(list[i]), &list[i]}
	}
	return all
}

// named is a text as written, what it means, and the value of the file in
// which it stands.
type named struct {
	text, key string
	ptr       any
}

// checkTwice sees to it that nothing stands in a list twice.
func (c *checker) checkTwice(id words.ID, list []named) {
	taken := map[string]any{}
	for _, one := range list {
		if first, ok := taken[one.key]; ok {
			c.wrong(bad(id, quote(one.text), c.line(first)), one.ptr)
			continue
		}
		taken[one.key] = one.ptr
	}
}

func (c *checker) checkRoute(r *Route) {
	if r.Redirect != "" {
		if _, err := url.Parse(r.Redirect); err != nil {
			c.wrong(bad(words.NotURL, quote(r.Redirect)), &r.Redirect)
		}
		if r.Status != 0 && (r.Status < 300 || r.Status > 399) {
			c.wrong(bad(words.StatusNoRedirect, r.Status), &r.Status)
		}
	}
	c.exclude("body", "size", &r.Body, &r.Size)
	if (r.Status == 204 || r.Status == 304) && (r.Body != "" || r.Size > 0) {
		c.wrong(bad(words.StatusNoBody, r.Status), &r.Status)
	}
	c.checkLogin(&r.User, &r.Password)
	if strings.Contains(r.User, ":") {
		c.wrong(bad(words.NameNotUser, quote(r.User)), &r.User) // RFC 7617 section 2
	}
	c.checkHeaders(r.Headers)
	for i := range r.Cookies {
		c.checkCookie(&r.Cookies[i])
	}
	c.checkRouteRules(r)
}

// exclude sees to it that of two keys only one is given.
func (c *checker) exclude(one, other string, a, b any) {
	if c.given(a) && c.given(b) {
		c.wrong(bad(words.ExcludesKey, one, other), b)
	}
}

// only sees to it that a key is given only with another.
func (c *checker) only(with string, a, b any) {
	if c.given(a) && !c.given(b) {
		c.wrong(bad(words.OnlyWith, with), a)
	}
}

// checkLogin sees to it that a user has a password, and a password a user.
func (c *checker) checkLogin(user, password *string) {
	c.only("password", user, password)
	c.only("user", password, user)
}

// checkHeaders sees to it that a field stands once, however it is written.
func (c *checker) checkHeaders(list []Header) {
	all := make([]named, len(list))
	for i := range list {
		all[i] = named{list[i].Name, strings.ToLower(list[i].Name), &list[i].Name}
	}
	c.checkTwice(words.NameTaken, all)
}

func (c *checker) checkCookie(k *Cookie) {
	c.exclude("value", "size", &k.Value, &k.Size)
	// RFC 6265 section 4.1.1: cookie-octet.
	wrong := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`",;\`, r) }
	if strings.ContainsFunc(k.Value, wrong) {
		c.wrong(bad(words.NotCookieValue, quote(k.Value)), &k.Value, k)
	}
	if k.Path != "" && (!isURLPath(k.Path) || strings.Contains(k.Path, ";")) {
		c.wrong(bad(words.NameNotRoute, quote(k.Path)), &k.Path)
	}
	if k.Domain != "" && !isHostName(strings.TrimPrefix(k.Domain, ".")) {
		c.wrong(bad(words.NameNotHost, quote(k.Domain)), &k.Domain)
	}
}

func (c *checker) checkHTTPSServer(h *HTTPSServer) {
	c.checkTLSVersions(h.MinTLS, h.MaxTLS, &h.MinTLS, &h.MaxTLS)
	for i := range h.Names {
		if _, err := netip.ParseAddr(h.Names[i]); err != nil && !isHostName(strings.TrimPrefix(h.Names[i], "*.")) {
			c.wrong(bad(words.NameNotHost, quote(h.Names[i])), &h.Names[i])
		}
	}
	if len(h.Versions) == 1 && h.Versions[0] == HTTP2 {
		c.checkHTTP2(h.MaxTLS, &h.MaxTLS)
	}
}

// checkTLSVersions sees to it that there is a version to speak.
func (c *checker) checkTLSVersions(low, high TLSVersion, lowAt, highAt any) {
	if low != "" && high != "" && low > high {
		c.wrong(bad(words.TLSRange, string(low), string(high)), lowAt, highAt)
	}
}

// checkHTTP2 sees to it that TLS is new enough for HTTP/2: RFC 9113, section
// 9.2.
func (c *checker) checkHTTP2(newest TLSVersion, ptr any) {
	if newest != "" && newest < TLS12 {
		c.wrong(bad(words.HTTP2NeedsTLS, string(newest)), ptr)
	}
}

// checkScript looks at the script of a plain server.
func (c *checker) checkScript(does Behave, script []string, doesAt, scriptAt, server any) {
	if does == Script && !c.given(scriptAt) {
		c.wrong(bad(words.ValueMissingKey, quote("script")), doesAt, server)
	}
	if does != Script && does != "" && c.given(scriptAt) {
		c.wrong(bad(words.OnlyWith, "does: script"), scriptAt)
	}
	c.notEmpty(len(script), scriptAt)
	for i := range script {
		if flaw := checkScriptLine(script[i]); flaw != nil {
			c.wrong(flaw, &script[i])
		}
		if script[i] == "close" && i < len(script)-1 {
			c.wrong(bad(words.ScriptAfterClose, strconv.Itoa(i+1)), &script[i+1])
		}
	}
}

func (c *checker) checkSMTPServer(s *SMTPServer) {
	for i := range s.Domains {
		if !isDomain(s.Domains[i]) {
			c.wrong(bad(words.NameNotDomain, quote(s.Domains[i])), &s.Domains[i])
		}
	}
}

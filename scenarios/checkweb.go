package scenarios

import (
	"net/url"
	"strings"

	"netlab/scenarios/words"
)

// This file checks the steps of HTTP, DNS and mail.

func (c *checker) checkHTTPStep(s *Step) {
	switch {
	case s.HTTPClient != nil:
		c.checkHTTPClient(s.HTTPClient)
	case s.HTTPGet != nil:
		c.checkRequest(s.HTTPGet, s.HTTPGet)
	case s.HTTPHead != nil:
		c.checkRequest(s.HTTPHead, s.HTTPHead)
	case s.HTTPPost != nil:
		c.checkRequest(&s.HTTPPost.HTTPRequest, s.HTTPPost)
		c.checkPost(s.HTTPPost)
	case s.HTTPSend != nil:
		c.checkRequest(&s.HTTPSend.HTTPRequest, s.HTTPSend)
		c.checkPost(&s.HTTPSend.HTTPPost)
		if m := s.HTTPSend.Method; m != "" && !isToken(m) {
			c.wrong(bad(words.NotToken, quote(m)), &s.HTTPSend.Method)
		}
	}
}

func (c *checker) checkHTTPClient(x *HTTPClient) {
	c.checkFamily(x.Family, &x.Family, x)
	c.checkTLSVersions(x.MinTLS, x.MaxTLS, &x.MinTLS, &x.MaxTLS)
	if x.Version == HTTP2 {
		c.checkHTTP2(x.MaxTLS, &x.MaxTLS)
	}
	if x.ServerName != "" && !isHostName(x.ServerName) {
		c.wrong(bad(words.NameNotHost, quote(x.ServerName)), &x.ServerName)
	}
}

// checkRequest looks at a request. whole is what it is written in.
func (c *checker) checkRequest(x *HTTPRequest, whole any) {
	to, url := c.given(&x.To), c.given(&x.URL)
	switch {
	case to && url:
		c.wrong(bad(words.ExcludesKey, "to", "url"), &x.URL)
	case !to && !url:
		c.wrong(bad(words.OneOfKeys, "to", "url"), whole)
	case url:
		for _, ptr := range []any{&x.Path, &x.Host, &x.Scheme} {
			c.only("to", ptr, &x.To)
		}
		if !isWebAddress(x.URL) {
			c.wrong(bad(words.NotWebAddress, quote(x.URL)), &x.URL)
		}
	case c.mayAsk(x.To, &x.To, "http", "https", "tcp", "proxy", "exec"):
		c.checkVersions(x)
	}
	if c.given(&x.Path) && !isURLPath(x.Path) {
		c.wrong(bad(words.NotRequestPath, quote(x.Path)), &x.Path)
	}
	if c.given(&x.Host) && !isAuthority(x.Host) {
		c.wrong(bad(words.NameNotHost, quote(x.Host)), &x.Host)
	}
	c.checkHeaders(x.Headers)
	c.checkLogin(&x.User, &x.Password)
}

// checkVersions sees to it that a request finds a server that speaks its
// client's version of HTTP, unless it is meant to fail.
func (c *checker) checkVersions(x *HTTPRequest) {
	s := &c.s.Servers[c.servers.index[x.To]]
	i, ok := c.sessions.index[x.Session]
	if !ok || x.ExpectError || c.s.Steps[i].HTTPClient == nil {
		return
	}
	var speaks []HTTPVersion
	switch {
	case s.HTTP != nil && len(s.HTTP.Versions) > 0:
		speaks = s.HTTP.Versions
	case s.HTTP != nil:
		speaks = []HTTPVersion{HTTP10, HTTP11}
	case s.HTTPS != nil && len(s.HTTPS.Versions) > 0:
		speaks = s.HTTPS.Versions
	default:
		return // all versions, or whatever stands behind
	}
	all := toStrings(speaks)
	client := string(c.s.Steps[i].HTTPClient.Version)
	alone := len(all) == 1 && all[0] == string(HTTP2)
	if client == string(HTTP2) && !isWord(client, all) || client != string(HTTP2) && alone {
		c.wrong(bad(words.HTTPVersions, quote(s.Name), strings.Join(all, ", "), quote(x.Session), client), &x.To)
	}
}

// isWebAddress reports whether s is a URL of http or https with a host.
func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == string(HTTP) || u.Scheme == string(HTTPS)) && isAuthority(u.Host) && u.User == nil
}

// isAuthority reports whether s is a host, with a port or without: RFC 3986,
// section 3.2.
func isAuthority(s string) bool {
	u, err := url.Parse("http://" + s)
	if err != nil || u.Host != s || s == "" {
		return false
	}
	host := u.Hostname()
	return isHostName(host) || host != "" && strings.Trim(host, "0123456789abcdefABCDEF.:") == ""
}

func (c *checker) checkLookup(x *DNSLookup) {
	c.checkFamily(x.Family, &x.Family, x)
	switch {
	case c.given(&x.To):
		c.mayAsk(x.To, &x.To, "dns", "exec", "proxy")
		if i, ok := c.servers.index[x.To]; ok && c.s.Servers[i].Proxy != nil && !bool(x.TCP) {
			c.wrong(bad(words.OnlyWith, "tcp: on"), &x.To)
		}
	case c.nodes.has(x.Node) && c.resolverOf(x.Node) == "":
		c.wrong(bad(words.NoResolver, quote(x.Node)), x)
	}
	if x.Query != "" && x.Query != "." && !isDomain(x.Query) {
		c.wrong(bad(words.NameNotDomain, quote(x.Query)), &x.Query)
	}
}

func (c *checker) checkMail(x *SMTPSend) {
	c.checkFamily(x.Family, &x.Family, x)
	c.mayAsk(x.To, &x.To, "smtp", "tcp", "proxy", "exec")
	c.checkLogin(&x.User, &x.Password)
	if x.From != "" && !isMailbox(x.From) {
		c.wrong(bad(words.NotMailbox, quote(x.From)), &x.From)
	}
	for i := range x.For {
		if !isMailbox(x.For[i]) {
			c.wrong(bad(words.NotMailbox, quote(x.For[i])), &x.For[i])
		}
	}
}

// isMailbox reports whether s looks like alice@example.test: RFC 5321,
// section 4.1.2, without quotes.
func isMailbox(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at <= 64 && !strings.ContainsAny(s[:at], " \t<>\"") && isDomain(s[at+1:]) && checkText(s, textLine) == nil
}

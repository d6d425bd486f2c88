package scenarios

import (
	"strings"

	"netlab/scenarios/words"
)

// This file checks what goes beyond one request and its response in HTTP.

func (SessionAction) words() []string {
	return []string{string(SessionVisit), string(SessionLogin), string(SessionShow), string(SessionStore), string(SessionLogout), string(SessionTable)}
}

func (Media) words() []string { return []string{string(MediaJPEG), string(MediaMPEG)} }

// checkPost looks at what a request sends.
func (c *checker) checkPost(x *HTTPPost) {
	c.exclude("body", "size", &x.Body, &x.Size)
	if bool(x.Continue) && x.Body == "" && x.Size == 0 {
		c.wrong(bad(words.OneOfKeys, "body", "size"), &x.Continue)
	}
}

// checkRouteRules looks at what a route refuses, and on which conditions.
func (c *checker) checkRouteRules(r *Route) {
	c.notEmpty(len(r.Methods), &r.Methods)
	c.checkTwice(words.ListedTwice, asPointers(r.Methods))
	for i := range r.Methods {
		if !isToken(r.Methods[i]) {
			c.wrong(bad(words.NotToken, quote(r.Methods[i])), &r.Methods[i])
		}
	}
	c.notEmpty(len(r.EarlyHints), &r.EarlyHints)
	c.checkHeaders(r.EarlyHints)
	if r.ETag != "" && strings.ContainsFunc(r.ETag, func(c rune) bool { return c <= ' ' || c == '"' || c > '~' }) {
		c.wrong(bad(words.NotETag, quote(r.ETag)), &r.ETag)
	}
	for _, ptr := range []any{&r.ETag, &r.Ranges} {
		c.only("body", ptr, &r.Body)
	}
	if c.given(&r.RetryAfter) && r.Limit == 0 && r.Status < 500 {
		c.wrong(bad(words.OnlyWith, "limit"), &r.RetryAfter)
	}
	c.exclude("reads", "body", &r.Reads, &r.Body)
	c.exclude("media", "body", &r.Media, &r.Body)
	c.exclude("media", "size", &r.Media, &r.Size)
	c.exclude("session", "body", &r.Session, &r.Body)
	c.exclude("session", "reads", &r.Session, &r.Reads)
}

// checkExchange looks at what is expected of all that belongs to a request.
func (c *checker) checkExchange(x *StepExpect) {
	if x.Interim != nil {
		for i := range *x.Interim {
			if code := (*x.Interim)[i]; code < 100 || code > 199 {
				c.wrong(bad(words.StatusNotInterim, code), &(*x.Interim)[i])
			}
		}
	}
	if x.Requests != nil {
		c.notEmpty(len(*x.Requests), x.Requests)
		for i, said := range *x.Requests {
			method, path, ok := strings.Cut(said, " ")
			if !ok || !isToken(method) || !strings.HasPrefix(path, "/") {
				c.wrong(bad(words.NotRequestLine, quote(said)), &(*x.Requests)[i])
			}
		}
	}
}

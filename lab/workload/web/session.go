package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A SessionSpec says how a server keeps sessions.
type SessionSpec struct {
	Cookie     string        // that bears the session's name
	Lifetime   time.Duration // without requests
	MaxSize    int64         // bytes that a session holds
	RenewLogin bool          // a login gives the session a new name
	AcceptAny  bool          // names that clients bring are accepted
}

// A SessionAction is what a route does with a session.
type SessionAction string

// The actions.
const (
	SessionVisit  SessionAction = "visit"
	SessionLogin  SessionAction = "login"
	SessionShow   SessionAction = "show"
	SessionStore  SessionAction = "store"
	SessionLogout SessionAction = "logout"
	SessionTable  SessionAction = "table"
)

// sessions is the table of a server: what it remembers, by the name that the
// client has.
type sessions struct {
	spec SessionSpec
	mu   sync.Mutex
	all  map[string]*session
}

// A session is what is remembered of one client.
type session struct {
	name   string
	user   string // "" if nobody has logged in
	visits int
	stored []byte
	used   time.Time
}

func newSessions(spec SessionSpec) *sessions {
	return &sessions{spec: spec, all: map[string]*session{}}
}

// act does what a route is there for, and returns the response.
func (t *sessions) act(w http.ResponseWriter, r *http.Request, what SessionAction, body []byte) (status int, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(time.Now())
	found := t.find(r)
	if found == nil && (what == SessionVisit || what == SessionLogin || what == SessionStore) {
		found = t.begin(w, r)
	}
	if found != nil {
		found.used = time.Now()
	}
	switch {
	case what == SessionTable:
		return http.StatusOK, t.list()
	case found == nil:
		return http.StatusOK, "no session\n"
	case what == SessionVisit:
		found.visits++
		return http.StatusOK, fmt.Sprintf("visit %d\n", found.visits)
	case what == SessionLogin:
		return t.login(w, r, found)
	case what == SessionStore && int64(len(body)) > t.spec.MaxSize:
		return http.StatusInsufficientStorage, fmt.Sprintf("a session holds at most %d bytes\n", t.spec.MaxSize)
	case what == SessionStore:
		found.stored = body
		return http.StatusOK, fmt.Sprintf("stored %d bytes\n", len(body))
	case what == SessionLogout:
		delete(t.all, found.name)
		http.SetCookie(w, &http.Cookie{Name: t.spec.Cookie, Path: "/", MaxAge: -1})
		return http.StatusOK, "logged out\n"
	case found.user == "":
		return http.StatusOK, "nobody is logged in\n"
	}
	return http.StatusOK, found.user + " is logged in\n"
}

// forget drops the sessions that nobody has used for too long.
func (t *sessions) forget(now time.Time) {
	for name, s := range t.all {
		if now.Sub(s.used) > t.spec.Lifetime {
			delete(t.all, name)
		}
	}
}

// find returns the session that a request names, nil if there is none.
func (t *sessions) find(r *http.Request) *session {
	c, err := r.Cookie(t.spec.Cookie)
	if err != nil {
		return nil
	}
	return t.all[c.Value]
}

// begin makes a session, under a name that nobody can guess; under the
// client's own, if any name will do.
func (t *sessions) begin(w http.ResponseWriter, r *http.Request) *session {
	made := &session{name: rand.Text()}
	if c, err := r.Cookie(t.spec.Cookie); err == nil && t.spec.AcceptAny {
		made.name = c.Value
	}
	t.add(w, made)
	return made
}

// add puts a session into the table, and tells the client its name.
func (t *sessions) add(w http.ResponseWriter, s *session) {
	t.all[s.name] = s
	http.SetCookie(w, &http.Cookie{Name: t.spec.Cookie, Value: s.name, Path: "/", HttpOnly: true})
}

func (t *sessions) login(w http.ResponseWriter, r *http.Request, s *session) (status int, text string) {
	user := r.URL.Query().Get("user")
	if user == "" {
		return http.StatusBadRequest, "who? ?user=NAME\n"
	}
	s.user = user
	if t.spec.RenewLogin {
		delete(t.all, s.name)
		s.name = rand.Text()
		t.add(w, s)
	}
	return http.StatusOK, "welcome, " + user + "\n"
}

// list writes the table, those that begin with the most visits first.
func (t *sessions) list() string {
	var lines []string
	for _, s := range t.all {
		user := s.user
		if user == "" {
			user = "nobody"
		}
		lines = append(lines, fmt.Sprintf("user %s, visits %d, %d bytes", user, s.visits, len(s.stored)))
	}
	slices.Sort(lines)
	return strings.Join(append([]string{fmt.Sprintf("sessions: %d", len(lines))}, lines...), "\n") + "\n"
}

// signed returns a cookie as the server sets it: with a signature, if it signs.
func (s *Server) signed(c *http.Cookie) *http.Cookie {
	if !s.spec.Signed {
		return c
	}
	sealed := *c
	sealed.Value += "." + s.signature(c.Name, c.Value)
	return &sealed
}

// signature is an HMAC (RFC 2104) over name and value.
func (s *Server) signature(name, value string) string {
	sum := hmac.New(sha256.New, s.key)
	fmt.Fprintf(sum, "%s=%s", name, value)
	return hex.EncodeToString(sum.Sum(nil))
}

// read answers with the value of a cookie; if the server signs, only one that
// it has signed itself.
func (s *Server) read(r *http.Request, route Route) (status int, text string) {
	c, err := r.Cookie(route.Reads)
	if err != nil {
		return route.Status, route.Reads + " is not set\n"
	}
	value := c.Value
	if s.spec.Signed {
		plain, signature, _ := strings.Cut(value, ".")
		if !hmac.Equal([]byte(signature), []byte(s.signature(c.Name, plain))) {
			return http.StatusForbidden, "the signature of " + c.Name + " does not fit\n"
		}
		value = plain
	}
	return route.Status, c.Name + " is " + value + "\n"
}

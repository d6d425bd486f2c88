package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"netlab/scenarios"
)

// differences collects settings below a name. What stands in front of the
// name's colon is the session; see named.
type differences struct {
	name string
	list []Setting
}

// add notes a setting where it differs.
func (d *differences) add(differs bool, key, value string) {
	if differs {
		d.list = append(d.list, Setting{Name: d.name + "." + key, Value: value})
	}
}

// onOff notes a switch that does not stand as usual.
func (d *differences) onOff(key string, is scenarios.YesNo, usual bool) {
	value := "off"
	if is {
		value = "on"
	}
	d.add(bool(is) != usual, key, value)
}

// close notes a way to close that is not the usual one.
func (d *differences) close(key string, c scenarios.Close, usual scenarios.CloseStyle) {
	d.add(c.Style != usual || c.Delay.Duration > 0, key, closeText(c))
}

// tls notes what is not as in Go's crypto/tls.
func (d *differences) tls(low, high scenarios.TLSVersion, notify scenarios.YesNo) {
	d.add(low != scenarios.TLS12, "min_tls", string(low))
	d.add(high != scenarios.TLS13, "max_tls", string(high))
	d.onOff("close_notify", notify, true)
}

// serverSettings compares servers with what their library, or a plain loop
// over a socket, does by itself.
func serverSettings(s scenarios.Server) []Setting {
	d := &differences{name: s.Name}
	switch {
	case s.HTTP != nil:
		d.httpServer(s.HTTP)
	case s.HTTPS != nil:
		d.httpServer(&s.HTTPS.HTTPServer)
		d.add(s.HTTPS.Certificate != scenarios.GoodCertificate, "certificate", string(s.HTTPS.Certificate))
		d.tls(s.HTTPS.MinTLS, s.HTTPS.MaxTLS, s.HTTPS.SendsNotify)
	case s.TCP != nil:
		d.close("close", s.TCP.Close, scenarios.CloseAfterPeer)
	case s.SMTP != nil:
		d.close("close", s.SMTP.Close, scenarios.CloseAtOnce)
	case s.Proxy != nil:
		d.proxyAt("flip", s.Proxy.Flip)
		d.proxyAt("cut", s.Proxy.Cut)
		d.close("close", s.Proxy.Close, scenarios.CloseAtOnce)
	}
	return d.list
}

func (d *differences) httpServer(h *scenarios.HTTPServer) {
	d.onOff("keep_alive", h.KeepAlive, true)
	d.add(h.IdleTimeout.Duration != time.Minute, "idle_timeout", h.IdleTimeout.String())
	var versions []string
	for _, v := range h.Versions {
		versions = append(versions, string(v))
	}
	d.add(versions != nil, "versions", strings.Join(versions, ","))
	d.close("close", h.Close, scenarios.CloseAtOnce)
	d.add(h.BodyTimeout.Duration > 0, "body_timeout", h.BodyTimeout.String())
	d.onOff("signed_cookies", h.Signed, false)
	if s := h.Sessions; s != nil {
		d.onOff("sessions.renew_on_login", s.RenewLogin, true)
		d.onOff("sessions.accept_any_name", s.AcceptAny, false)
	}
}

// proxyAt notes what a proxy does to what passes.
func (d *differences) proxyAt(key string, at *scenarios.ProxyAt) {
	if at == nil {
		return
	}
	where := fmt.Sprintf("%s+%dB", at.Of, at.After)
	if at.Text != "" {
		where = fmt.Sprintf("%s+%q+%dB", at.Of, at.Text, at.After)
	}
	d.add(true, key, where)
}

// stepSettings compares clients with net/http, with go-smtp, and with a
// program that just closes its socket.
func stepSettings(s *scenarios.Step) []Setting {
	d := &differences{name: s.Session() + ":" + s.Verb}
	switch {
	case s.HTTPClient != nil:
		c := s.HTTPClient
		d.add(c.Version != scenarios.HTTP11, "version", string(c.Version))
		d.onOff("keep_alive", c.KeepAlive, true)
		d.onOff("follow", c.Follow, false)
		d.add(c.Trust != scenarios.TrustLab, "trust", string(c.Trust))
		d.onOff("revocation", c.Revocation, false)
		d.add(c.ServerName != "", "server_name", c.ServerName)
		d.tls(c.MinTLS, c.MaxTLS, c.SendsNotify)
		d.close("close", c.Close, scenarios.CloseAtOnce)
	case s.HTTPCloseIdle != nil && s.HTTPCloseIdle.Close != nil:
		d.close("close", *s.HTTPCloseIdle.Close, scenarios.CloseAtOnce)
	case s.HTTPClose != nil && s.HTTPClose.Close != nil:
		d.close("close", *s.HTTPClose.Close, scenarios.CloseAtOnce)
	case s.TCPClose != nil:
		d.close("close", s.TCPClose.Close, scenarios.CloseAtOnce)
	case s.TCPListen != nil:
		d.add(s.TCPListen.Backlog != usualBacklog, "backlog", strconv.Itoa(s.TCPListen.Backlog))
		d.options(&s.TCPListen.SocketOptions)
	case s.TCPAccept != nil:
		d.options(&s.TCPAccept.SocketOptions)
	case s.TCPConnect != nil:
		if isn := s.TCPConnect.ISN; isn != nil {
			d.add(true, "isn", strconv.FormatUint(*isn, 10))
		}
		d.options(&s.TCPConnect.SocketOptions)
	case s.TCPOption != nil:
		d.options(&s.TCPOption.SocketOptions)
	case s.SQLClose != nil:
		d.close("close", s.SQLClose.Close, scenarios.CloseAtOnce)
	case s.SMTPSend != nil:
		d.name = s.SMTPSend.As + ":" + s.Verb
		d.close("close", s.SMTPSend.Close, scenarios.CloseAfterReply)
	}
	return d.list
}

// usualBacklog is that of Go's listeners, and of Linux (net.core.somaxconn).
const usualBacklog = 4096

// options notes options of a socket that are not as on any other of ours:
// nodelay is on, as on Go's sockets, the others are left to the kernel.
func (d *differences) options(o *scenarios.SocketOptions) {
	for _, flag := range []struct {
		key   string
		is    *scenarios.YesNo
		usual string
	}{{"nodelay", o.NoDelay, "on"}, {"cork", o.Cork, "off"}, {"quickack", o.QuickAck, ""}, {"fast_open", o.FastOpen, "off"}} {
		if flag.is == nil {
			continue
		}
		value := "off"
		if *flag.is {
			value = "on"
		}
		d.add(value != flag.usual, flag.key, value)
	}
	if k := o.KeepAlive; k != nil {
		d.add(true, "keepalive", fmt.Sprintf("idle %s, interval %s, probes %d", k.Idle, k.Interval, k.Probes))
	}
	for _, limit := range []struct {
		key string
		is  *scenarios.Duration
	}{{"user_timeout", o.UserTimeout}, {"linger", o.Linger}, {"orphan_timeout", o.OrphanTimeout}, {"defer_accept", o.DeferAccept}} {
		if limit.is != nil {
			d.add(true, limit.key, limit.is.String())
		}
	}
	for _, buffer := range []struct {
		key string
		is  *scenarios.Size
	}{{"receive_buffer", o.ReceiveBuffer}, {"send_buffer", o.SendBuffer}} {
		if buffer.is != nil {
			d.add(true, buffer.key, fmt.Sprintf("%dB", *buffer.is))
		}
	}
	if o.MaxSegment != nil {
		d.add(true, "max_segment", strconv.Itoa(*o.MaxSegment))
	}
}

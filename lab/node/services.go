package node

import (
	"context"
	"errors"
	"strings"

	"netlab/lab/workload/dns"
	"netlab/lab/workload/proxy"
	"netlab/lab/workload/smtp"
	"netlab/probes"
	"netlab/probes/calls"
	"netlab/scenarios"
)

func (a *agent) startDNS(ctx context.Context, r ServeRequest) (stopper, error) {
	s := r.Server.DNS
	spec := dns.Spec{Port: s.Port, Hosts: r.Hosts, Upstream: r.Target, TTL: s.TTL.Duration}
	for _, record := range s.Records {
		for _, v := range record.Values {
			spec.Records = append(spec.Records, dns.Record{Name: record.Name, Type: v.Type, Values: v.Values})
		}
	}
	return dns.Start(ctx, spec, dns.Options{Calls: a.calls.Caller(r.Server.Name), Log: logHandler(r.Server.Name)})
}

// lookUp asks a name server. What it answers is the step's content; that there
// is no such name, or that it refuses, fails the step.
func (a *agent) lookUp(ctx context.Context, r StepRequest) (probes.Step, error) {
	s := r.Step.DNSLookup
	if !r.Target.IsValid() {
		return probes.Step{}, errors.New("the node has no resolver, and the step names no server")
	}
	caller := a.callerOf(&r.Step)
	answer, err := dns.Lookup(ctx, caller, r.Target, s.Query, string(s.Type), bool(s.TCP))
	if err != nil && answer.Status == "" {
		return probes.Step{}, err // nothing came
	}
	step := probes.Step{Reply: answer.Code, Text: answer.Status, Bytes: answer.Bytes}
	if answer.Authoritative {
		step.Text += ", authoritative"
	}
	switch {
	case answer.Cut:
		step.Text += ", over TCP, over UDP cut short"
	case answer.TCP:
		step.Text += ", over TCP"
	default:
		step.Text += ", over UDP"
	}
	if len(answer.Lines) > 0 {
		step.Content = strings.Join(answer.Lines, "\n") + "\n"
	}
	return step, err
}

// callerOf returns who records the calls of a step that opens a session or has
// none: under the step's name, or its verb.
func (a *agent) callerOf(s *scenarios.Step) *calls.Caller {
	name := s.Common().As
	if name == "" {
		name = s.Verb
	}
	caller := a.calls.Caller(name)
	caller.SetStep(s.Index)
	return caller
}

func (a *agent) startSMTP(ctx context.Context, r ServeRequest) (stopper, error) {
	s := r.Server.SMTP
	spec := smtp.Spec{Port: s.Port, Domains: s.Domains, Users: map[string]string{}, MaxSize: int64(s.MaxSize), Close: closeOf(s.Close)}
	for _, u := range s.Users {
		spec.Users[u.Name] = u.Password
	}
	return smtp.Start(ctx, spec, smtp.Options{
		Calls: a.calls.Caller(r.Server.Name), Log: logHandler(r.Server.Name), Name: a.node, Patience: r.Patience,
	})
}

// sendMail delivers a mail. A refusal fails the step.
func (a *agent) sendMail(ctx context.Context, r StepRequest) (probes.Step, error) {
	s := r.Step.SMTPSend
	result, err := smtp.Send(ctx, a.callerOf(&r.Step), r.Target, smtp.Mail{
		From: s.From, For: s.For, Subject: s.Subject, Body: s.Body, User: s.User, Password: s.Password,
		Hello: a.node, Close: closeOf(s.Close), Timeout: r.Timeout,
	})
	return probes.Step{Reply: result.Reply, Text: result.Text, Bytes: result.Bytes, SHA256: result.SHA256}, err
}

func (a *agent) startProxy(ctx context.Context, r ServeRequest) (stopper, error) {
	s := r.Server.Proxy
	return proxy.Start(ctx, proxy.Spec{
		Port: s.Port, To: r.Target, Flip: placeOf(s.Flip), Cut: placeOf(s.Cut), Record: bool(s.Record), Close: closeOf(s.Close),
	}, proxy.Options{Calls: a.calls.Caller(r.Server.Name), Log: logHandler(r.Server.Name), Patience: r.Patience})
}

// placeOf says in the workload's words where something is to happen.
func placeOf(at *scenarios.ProxyAt) *proxy.Place {
	if at == nil {
		return nil
	}
	return &proxy.Place{Of: proxy.Way(at.Of), After: int64(at.After), Text: at.Text}
}

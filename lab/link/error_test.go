package link_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"netlab/lab/link"
	"netlab/lab/link/linktest"
	"netlab/lab/netns"
	"netlab/lab/plan"

	"golang.org/x/sys/unix"
)

func TestErrorsNameTheirSubject(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, tc := range []struct {
		name    string
		spoil   func(p *plan.Plan)
		want    string // the beginning
		wantErr error
	}{{
		"address twice",
		func(p *plan.Plan) {
			e := &p.Links[0].Ends[0]
			e.Addresses = append(e.Addresses, prefix("10.77.0.1/24"))
		},
		`link "wire": end "client": add address 10.77.0.1/24: EEXIST (`,
		unix.EEXIST,
	}, {
		"IPv6 address twice",
		func(p *plan.Plan) {
			e := &p.Links[0].Ends[0]
			e.Addresses = append(e.Addresses, prefix("fd77::1/64"), prefix("fd77::1/64"))
		},
		`link "wire": end "client": add address fd77::1/64: EEXIST (`,
		unix.EEXIST,
	}, {
		"interface twice",
		func(p *plan.Plan) { p.Links[1].Ends[0].Interface = "eth0" },
		`link "spare": make veth pair eth0 in "client" and eth1 in "server": EEXIST (`,
		unix.EEXIST,
	}, {
		"index twice",
		func(p *plan.Plan) { p.Links[1].Ends[1].Index = 2 },
		`link "spare": make veth pair eth1 in "client" and eth1 in "server": EBUSY (`,
		unix.EBUSY,
	}, {
		"impossible MTU",
		func(p *plan.Plan) { p.Links[0].MTU = 1 << 20 },
		`link "wire": make veth pair eth0 in "client" and eth0 in "server": EINVAL (`,
		unix.EINVAL,
	}, {
		"unknown end",
		func(p *plan.Plan) { p.Links[0].Ends[1].Node = "sever" },
		`link "wire": end "sever": find it among nodes and switches: there is none of that name`,
		nil,
	}, {
		"unknown namespace",
		func(p *plan.Plan) { p.Nodes = append(p.Nodes, plan.Node{Name: "ghost"}) },
		`"ghost": find network namespace: there is none of that name`,
		nil,
	}, {
		"bad MAC address",
		func(p *plan.Plan) { p.Links[0].Ends[0].MAC = "02:00" },
		`link "wire": end "client": use MAC address 02:00: it is not six bytes`,
		nil,
	}, {
		"unreachable gateway",
		func(p *plan.Plan) {
			p.Nodes[0].Routes = []plan.Route{{To: prefix("0.0.0.0/0"), Via: netip.MustParseAddr("192.0.2.1"), Interface: "eth0"}}
		},
		`"client": add route 0.0.0.0/0 via 192.0.2.1 dev eth0: ENETUNREACH (`,
		unix.ENETUNREACH,
	}, {
		"route out of nowhere",
		func(p *plan.Plan) {
			p.Nodes[0].Routes = []plan.Route{{To: prefix("0.0.0.0/0"), Interface: "eth7"}}
		},
		`"client": add route 0.0.0.0/0 dev eth7: there is no interface of that name`,
		nil,
	}, {
		"unknown setting",
		func(p *plan.Plan) { p.Nodes[1].Sysctls = []plan.Sysctl{{Path: "net/ipv4/no_such", Value: "1"}} },
		`"server": set net/ipv4/no_such = 1: ENOENT (`,
		unix.ENOENT,
	}, {
		"refused value",
		func(p *plan.Plan) {
			p.Nodes[1].Sysctls = []plan.Sysctl{{Path: "net/ipv4/ip_forward", Value: "perhaps"}}
		},
		`"server": set net/ipv4/ip_forward = perhaps: EINVAL (`,
		unix.EINVAL,
	}, {
		"setting outside of net",
		func(p *plan.Plan) { p.Nodes[1].Sysctls = []plan.Sysctl{{Path: "net/../kernel/hostname", Value: "x"}} },
		`"server": set net/../kernel/hostname = x: it is not the path of a setting below net`,
		nil,
	}, {
		"setting of the machine",
		func(p *plan.Plan) { p.Nodes[1].Sysctls = []plan.Sysctl{{Path: "kernel/hostname", Value: "x"}} },
		`"server": set kernel/hostname = x: it is not the path of a setting below net`,
		nil,
	}} {
		t.Run(tc.name, func(t *testing.T) {
			var w linktest.Wiring
			w.Nodes("client", "server")
			w.Link("wire", w.End("client", "10.77.0.1/24"), w.End("server", "10.77.0.2/24"))
			w.Link("spare", w.End("client"), w.End("server"))
			l := spaces(t, &w.Plan)
			tc.spoil(&w.Plan)
			err := link.Build(t.Context(), &w.Plan, l.find)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got error %v, want %s...", err, tc.want)
			}
			if tc.wantErr != nil && !errors.Is(err, tc.wantErr) {
				t.Errorf("%v is not %v", err, tc.wantErr)
			}
		})
	}
}

func TestBuildHeedsItsContext(t *testing.T) {
	p := linktest.Star(2)
	l := spaces(t, p)
	cause := errors.New("the user lost patience")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := link.Build(ctx, p, func(name string) *netns.NS { return l[name] }); !errors.Is(err, cause) {
		t.Errorf("got error %v, want %v", err, cause)
	}
}

package filter_test

import (
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"netlab/lab/filter"
	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/plan"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) {
	netns.LockMain()
	os.Exit(m.Run())
}

// listed returns what nft(8) says of the rules in a namespace, without counts.
func listed(t *testing.T, ns *netns.NS) string {
	t.Helper()
	nft, err := exec.LookPath("nft")
	if err != nil {
		_, err = os.Stat("/usr/sbin/nft")
		nft = "/usr/sbin/nft"
	}
	netnstest.Require(t, "programs", err)
	var out []byte
	if err := ns.Do(func() (err error) {
		out, err = exec.Command(nft, "list", "ruleset").CombinedOutput()
		return err
	}); err != nil {
		t.Fatalf("nft list ruleset: %v\n%s", err, out)
	}
	return regexp.MustCompile(`packets \d+ bytes \d+`).ReplaceAllString(string(out), "packets N bytes N")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func addrs(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, t := range texts {
		list = append(list, netip.MustParseAddr(t))
	}
	return list
}

// What the kernel was told is read back with the tool that everybody knows.
func TestTranslation(t *testing.T) {
	type ports = scenarios.PortRange
	tests := []struct {
		name string
		node plan.Node
	}{
		{"empty", plan.Node{}},
		{"nat", plan.Node{NAT: &plan.NAT{Link: "wan", Interface: "eth1"}}},
		{"nat-helper", plan.Node{NAT: &plan.NAT{Link: "wan", Interface: "eth1", FTPHelper: true}}},
		{"paths", plan.Node{Firewall: []plan.Rule{
			{Do: plan.Drop, Path: scenarios.PathAny, Protocol: scenarios.TCP},
			{Do: plan.Drop, Path: scenarios.PathIn, Interface: "eth0"},
			{Do: plan.Drop, Path: scenarios.PathOut, Interface: "eth0"},
			{Do: plan.Accept, Path: scenarios.PathForward, Interface: "eth0"},
			{Do: plan.Drop, Path: scenarios.PathAny, Interface: "eth1"},
		}}},
		{"protocols", plan.Node{Firewall: []plan.Rule{
			{Do: plan.Drop, Path: scenarios.PathIn, Protocol: scenarios.ICMP},
			{Do: plan.Drop, Path: scenarios.PathIn, Ports: ports{Low: 53, High: 53}},
			{Do: plan.Drop, Path: scenarios.PathIn, Protocol: scenarios.UDP, Ports: ports{Low: 100, High: 200}, FromPorts: ports{Low: 7, High: 7}},
			{Do: plan.Drop, Path: scenarios.PathIn, Protocol: scenarios.TCP, Flags: []scenarios.TCPFlag{"FIN"}},
			{Do: plan.Drop, Path: scenarios.PathIn, Protocol: scenarios.TCP, Flags: []scenarios.TCPFlag{"SYN"}, Unset: []scenarios.TCPFlag{"ACK", "RST"}},
		}}},
		{"addresses", plan.Node{Firewall: []plan.Rule{
			{Do: plan.Drop, Path: scenarios.PathForward, From: addrs("10.77.0.1", "fd77::1"), To: addrs("10.77.1.2", "fd77:0:0:1::2")},
			{Do: plan.Drop, Path: scenarios.PathForward, From: addrs("10.77.0.1", "10.77.1.1", "fd77::1", "fd77:0:0:1::1")},
			{Do: plan.Drop, Path: scenarios.PathForward, From: addrs("10.77.0.1"), To: addrs("10.77.1.2", "fd77:0:0:1::2"), Protocol: scenarios.ICMP},
		}}},
		{"reject", plan.Node{Firewall: []plan.Rule{
			{Do: plan.Reject, Path: scenarios.PathIn},
			{Do: plan.Reject, Path: scenarios.PathIn, Protocol: scenarios.TCP},
			{Do: plan.Reject, Path: scenarios.PathIn, Protocol: scenarios.UDP},
			{Do: plan.Reject, Path: scenarios.PathIn, With: scenarios.RejectReset},
			{Do: plan.Reject, Path: scenarios.PathIn, With: scenarios.RejectHost},
			{Do: plan.Reject, Path: scenarios.PathIn, Protocol: scenarios.TCP, With: scenarios.RejectProhibited},
			{Do: plan.Reject, Path: scenarios.PathIn, Protocol: scenarios.TCP, With: scenarios.RejectPort},
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ns := netnstest.New(t)
			if err := filter.Apply(ns, &tt.node); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, listed(t, ns))
		})
	}
}

func TestRulesOfSteps(t *testing.T) {
	ns := netnstest.New(t)
	node := plan.Node{Firewall: []plan.Rule{{Do: plan.Drop, Path: scenarios.PathIn, Protocol: scenarios.TCP, Ports: scenarios.PortRange{Low: 1, High: 1}}}}
	if err := filter.Apply(ns, &node); err != nil {
		t.Fatal(err)
	}
	before := listed(t, ns)
	for port := 2; port <= 3; port++ {
		r := plan.Rule{Do: plan.Reject, Path: scenarios.PathIn, Ports: scenarios.PortRange{Low: port, High: port}}
		if err := filter.Add(ns, []plan.Rule{r}); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "steps", listed(t, ns))
	if err := filter.Clear(ns); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, listed(t, ns)); diff != "" {
		t.Errorf("after clear (-want +got):\n%s", diff)
	}
	if err := filter.Apply(ns, &node); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, listed(t, ns)); diff != "" {
		t.Errorf("applied again (-want +got):\n%s", diff)
	}
}

// Steps work at nodes that had no firewall.
func TestStepsWithoutRules(t *testing.T) {
	ns := netnstest.New(t)
	if err := filter.Clear(ns); err != nil {
		t.Fatal(err)
	}
	if err := filter.Add(ns, []plan.Rule{{Do: plan.Drop, Path: scenarios.PathOut}}); err != nil {
		t.Fatal(err)
	}
	golden(t, "bare", listed(t, ns))
}

func TestWrongRule(t *testing.T) {
	ns := netnstest.New(t)
	for _, r := range []plan.Rule{
		{Do: plan.Drop, Flags: []scenarios.TCPFlag{"NIL"}},
		{Do: plan.Drop, Protocol: "sctp"},
	} {
		if err := filter.Apply(ns, &plan.Node{Firewall: []plan.Rule{r}}); err == nil {
			t.Errorf("%v was taken", r)
		}
	}
}

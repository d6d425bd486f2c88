package doctor

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/node"
	"netlab/probes"
	"netlab/scenarios/words"
)

func TestMain(m *testing.M) {
	node.Main() // this program is also the lab's supervisor and agents
	os.Exit(m.Run())
}

func TestExplain(t *testing.T) {
	const (
		appArmor = "kernel/apparmor_restrict_unprivileged_userns"
		clone    = "kernel/unprivileged_userns_clone"
		maxUsers = "user/max_user_namespaces"
	)
	user, root := machine{}, machine{privileged: true}
	inside := func(m machine) machine { m.container = true; return m }
	told := func(e unix.Errno) error { return errors.New("mount: " + e.Error()) } // as text, by another process
	tests := []struct {
		name     string
		machine  machine
		settings map[string]string
		err      error
		want     words.ID // of the cause; "" for none
	}{
		{"limit of namespaces", root, nil, unix.ENOSPC, words.CauseNamespaceLimit},
		{"limit of namespaces, told", root, nil, told(unix.ENOSPC), words.CauseNamespaceLimit},
		{"limit before settings", user, map[string]string{maxUsers: "0"}, unix.ENOSPC, words.CauseNamespaceLimit},
		{"kernel without", user, nil, unix.EINVAL, words.CauseKernelLacks},
		{"system call missing", user, nil, fmt.Errorf("clone: %w", unix.ENOSYS), words.CauseKernelLacks},
		{"AppArmor", user, map[string]string{appArmor: "1", clone: "0"}, unix.EACCES, words.CauseAppArmor},
		{"AppArmor, told", user, map[string]string{appArmor: "1"}, told(unix.EACCES), words.CauseAppArmor},
		{"AppArmor allows it", user, map[string]string{appArmor: "0"}, unix.EPERM, words.CauseDenied},
		{"Debian's setting", user, map[string]string{clone: "0", maxUsers: "0"}, unix.EPERM, words.CauseUsernsClone},
		{"no user namespaces", user, map[string]string{maxUsers: "0"}, told(unix.EPERM), words.CauseMaxUserns},
		{"container", inside(user), map[string]string{clone: "1"}, unix.EPERM, words.CauseContainer},
		{"container's root", inside(root), map[string]string{appArmor: "1", clone: "0", maxUsers: "0"}, unix.EPERM, words.CauseContainer},
		{"root", root, map[string]string{maxUsers: "0"}, unix.EPERM, words.CauseDenied},
		{"something else", user, map[string]string{maxUsers: "0"}, unix.ENOMEM, ""},
		{"unknown text", user, nil, errors.New("no idea"), ""},
	}
	for _, tt := range tests {
		tt.machine.setting = func(name string) string { return tt.settings[name] }
		got := tt.machine.explain(tt.err)
		if got.Cause.ID != tt.want || got.Cause.IsZero() != got.Fix.IsZero() {
			t.Errorf("%s: cause %q, fix %q, want %q", tt.name, got.Cause.ID, got.Fix.ID, tt.want)
		}
	}
}

func TestProbeCheck(t *testing.T) {
	tests := []struct {
		name           string
		err            error
		ok             bool
		reason, remedy string
	}{
		{"there", nil, true, "", ""},
		{"missing", &probes.Unavailable{Source: probes.BPF, Reason: "EPERM", Remedy: "run as root"}, false, "EPERM", "run as root"},
		{"nothing helps", &probes.Unavailable{Source: probes.BPF, Reason: "EPERM"}, false, "EPERM", ""},
		{"an error", errors.New("broken"), false, "broken", ""},
	}
	for _, tt := range tests {
		c := probeCheck(probes.BPF, words.NeedBPF, tt.err)
		remedy := ""
		if c.Remedy != nil {
			remedy = c.Remedy.String()
		}
		if c.Name != "bpf" || c.OK != tt.ok || c.Reason != tt.reason || remedy != tt.remedy {
			t.Errorf("%s: %+v, remedy %q", tt.name, c, remedy)
		}
	}
}

func TestSetting(t *testing.T) {
	if setting("kernel/ostype") != "Linux" {
		t.Errorf("kernel/ostype is %q", setting("kernel/ostype"))
	}
	if got := setting("kernel/no_such_setting"); got != "" {
		t.Errorf("what is not there is %q", got)
	}
}

// Where a lab can be had, everything is tried and each answer is whole.
func TestExamine(t *testing.T) {
	netnstest.Require(t, "netns", netns.Supported())
	checks := Examine(t.Context())
	found := map[string]bool{}
	for _, c := range checks {
		found[c.Name] = true
		if c.OK != (c.Reason == "") {
			t.Errorf("%s: ok %v, but the reason is %q", c.Name, c.OK, c.Reason)
		}
		if c.Need.IsZero() {
			t.Errorf("%s is needed for nothing", c.Name)
		}
	}
	if !checks[0].OK || checks[0].Name != "lab" {
		t.Errorf("first check: %+v", checks[0])
	}
	for _, s := range []probes.Source{probes.BPF, probes.Wire, probes.SockDiag, probes.SS, "netem"} {
		if !found[string(s)] {
			t.Errorf("nothing is said of %s", s)
		}
	}
}

// Every kind of kernel event has a line, with what it is good for.
func TestExamineBPF(t *testing.T) {
	checks := examineBPF()
	var missing error
	if !checks[0].OK {
		missing = errors.New(checks[0].Reason)
	}
	netnstest.Require(t, "bpf", missing)
	if len(checks) != 1+len(kinds) {
		t.Errorf("%d checks, want %d", len(checks), 1+len(kinds))
	}
	for _, c := range checks {
		if c.Need.ID == "" || c.OK == (c.Reason != "") {
			t.Errorf("check %+v", c)
		}
	}
	lacking := kindCheck(probes.KindLife, &probes.Unavailable{Source: probes.BPF, Reason: "not told", Remedy: "help"})
	if lacking.OK || lacking.Name != "bpf life" || lacking.Reason != "not told" || lacking.Remedy == nil {
		t.Errorf("check %+v of what is missing", lacking)
	}
}

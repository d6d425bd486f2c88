package doctor

import (
	"errors"
	"os"
	"strings"

	"netlab/lab/node"
	"netlab/scenarios/words"

	"golang.org/x/sys/unix"
)

// An Advice says why the machine refuses what labs need, and what helps.
// Either may be zero where that is not known.
type Advice struct{ Cause, Fix words.Message }

// A machine is what Explain looks at.
type machine struct {
	privileged bool
	container  bool
	setting    func(name string) string // below /proc/sys; "" if there is none
}

// Explain looks for the setting behind a refusal.
func Explain(r *node.Refused) Advice {
	return machine{node.Privileged(), inContainer(), setting}.explain(r.Err)
}

func (m machine) explain(err error) Advice {
	switch {
	case is(err, unix.ENOSPC):
		return Advice{words.M(words.CauseNamespaceLimit), words.M(words.FixNamespaceLimit)}
	case is(err, unix.EINVAL, unix.ENOSYS):
		return Advice{words.M(words.CauseKernelLacks), words.M(words.FixKernelLacks)}
	case !is(err, unix.EPERM, unix.EACCES):
		return Advice{}
	case !m.privileged && m.setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
		return Advice{words.M(words.CauseAppArmor), words.M(words.FixAppArmor)}
	case !m.privileged && m.setting("kernel/unprivileged_userns_clone") == "0":
		return Advice{words.M(words.CauseUsernsClone), words.M(words.FixUsernsClone)}
	case !m.privileged && m.setting("user/max_user_namespaces") == "0":
		return Advice{words.M(words.CauseMaxUserns), words.M(words.FixMaxUserns)}
	case m.container:
		return Advice{words.M(words.CauseContainer), words.M(words.FixContainer)}
	}
	return Advice{words.M(words.CauseDenied), words.M(words.FixDenied)}
}

// is reports whether an error is one of these, also where another process
// told it: only the text travels.
func is(err error, those ...unix.Errno) bool {
	for _, e := range those {
		if errors.Is(err, e) || strings.HasSuffix(err.Error(), e.Error()) {
			return true
		}
	}
	return false
}

// setting reads a file below /proc/sys; "" if there is none.
func setting(name string) string {
	text, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// inContainer reports whether a container runtime left its mark.
func inContainer() bool {
	for _, path := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

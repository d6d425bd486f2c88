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

// Explain looks for the setting behind a refusal.
func Explain(r *node.Refused) Advice {
	denied := errors.Is(r.Err, unix.EPERM) || errors.Is(r.Err, unix.EACCES) ||
		strings.Contains(r.Err.Error(), unix.EPERM.Error()) // told by another process
	switch {
	case errors.Is(r.Err, unix.ENOSPC):
		return Advice{words.M(words.CauseNamespaceLimit), words.M(words.FixNamespaceLimit)}
	case errors.Is(r.Err, unix.EINVAL) || errors.Is(r.Err, unix.ENOSYS):
		return Advice{words.M(words.CauseKernelLacks), words.M(words.FixKernelLacks)}
	case !denied:
		return Advice{}
	case !node.Privileged() && setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
		return Advice{words.M(words.CauseAppArmor), words.M(words.FixAppArmor)}
	case !node.Privileged() && setting("kernel/unprivileged_userns_clone") == "0":
		return Advice{words.M(words.CauseUsernsClone), words.M(words.FixUsernsClone)}
	case !node.Privileged() && setting("user/max_user_namespaces") == "0":
		return Advice{words.M(words.CauseMaxUserns), words.M(words.FixMaxUserns)}
	case inContainer():
		return Advice{words.M(words.CauseContainer), words.M(words.FixContainer)}
	}
	return Advice{words.M(words.CauseDenied), words.M(words.FixDenied)}
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

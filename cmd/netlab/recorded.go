package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"netlab/lab/doctor"
	"netlab/lab/node"
	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/scenarios/words"

	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

func (e *env) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check RUN_DIR...",
		Short: e.t(words.HelpCheck),
		Long:  e.t(words.HelpCheckLong),
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			code := exitPass
			for _, dir := range args {
				recorded, err := run.Check(dir)
				if err != nil {
					if errors.Is(err, run.ErrNothingRecorded) {
						return &exit{exitInconclusive, err}
					}
					return &exit{exitUsage, err}
				}
				if err := report.Verdicts(e.stdout, recorded.Judgement); err != nil {
					return &exit{exitError, err}
				}
				code = worse(code, report.Exit(recorded.Judgement.Outcome))
			}
			if code != exitPass {
				return &exit{code: code}
			}
			return nil
		},
	}
}

func (e *env) doctorCommand() *cobra.Command {
	var topic string
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: e.t(words.HelpDoctor),
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if topic != "" {
				return e.explain(topic)
			}
			checks := doctor.Examine(c.Context())
			if asJSON {
				enc := json.NewEncoder(e.stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(checks)
			}
			return e.diagnose(checks)
		},
	}
	c.Flags().StringVar(&topic, "explain", "", e.t(words.HelpExplain))
	c.Flags().BoolVar(&asJSON, "json", false, e.t(words.HelpJSON))
	return c
}

// explain prints a page on a topic.
func (e *env) explain(topic string) error {
	topics := map[string]words.ID{"userns": words.ExplainUserns}
	id, ok := topics[topic]
	if !ok {
		names := make([]string, 0, len(topics))
		for name := range topics {
			names = append(names, name)
		}
		slices.SortFunc(names, cmp.Compare)
		return words.Err(words.NoTopic, topic, strings.Join(names, ", "))
	}
	self, err := os.Executable()
	if err != nil {
		self = "/usr/local/bin/netlab"
	}
	fmt.Fprintln(e.stdout, e.t(id, self))
	return nil
}

// diagnose prints the checks. That a probe is missing is no error, a lab that
// cannot be is.
func (e *env) diagnose(checks []doctor.Check) error {
	who := words.DoctorAsUser
	if node.Privileged() {
		who = words.DoctorAsRoot
	}
	var name unix.Utsname
	_ = unix.Uname(&name) // cannot fail with a valid pointer
	fmt.Fprintln(e.stdout, e.t(words.DoctorKernel, unix.ByteSliceToString(name.Release[:]), words.M(who)))
	code := exitPass
	for _, c := range checks {
		if c.OK {
			fmt.Fprintln(e.stdout, e.t(words.DoctorAllowed, fmt.Sprintf("%-10s", c.Name), c.Need))
			continue
		}
		if c.Replaced {
			fmt.Fprintln(e.stdout, e.t(words.DoctorReplaced, fmt.Sprintf("%-10s", c.Name), c.Need, c.Reason))
			continue
		}
		code = exitInconclusive
		fmt.Fprintln(e.stdout, e.t(words.DoctorRefused, fmt.Sprintf("%-10s", c.Name), c.Need, c.Reason))
		if c.Remedy != nil {
			fmt.Fprintln(e.stdout, "    "+e.t(words.DoctorFix, *c.Remedy))
		}
	}
	if code != exitPass {
		return &exit{code: code}
	}
	return nil
}

func (e *env) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: e.t(words.HelpVersion),
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(e.stdout, "netlab", version())
			return nil
		},
	}
}

// version returns the version of the module or, of a build from a checkout,
// its revision.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision := "unknown"
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel-" + revision
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"netlab/lab/coverage"
	"netlab/lab/run"
	"netlab/scenarios/words"

	"github.com/spf13/cobra"
)

func (e *env) coverageCommand() *cobra.Command {
	var asJSON, require bool
	c := &cobra.Command{
		Use:   "coverage RUN_DIR...",
		Short: e.t(words.HelpCoverage),
		Long:  e.t(words.HelpCoverageLong),
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			runs, empty, err := recordedRuns(args)
			if err != nil {
				return err
			}
			for _, dir := range empty {
				fmt.Fprintf(e.stderr, "netlab: %s\n", e.t(words.CoverageEmpty, dir))
			}
			report := coverage.Of(runs)
			write := func() error { return report.Text(e.stdout, e.lang) }
			if asJSON {
				write = func() error { return report.JSON(e.stdout) }
			}
			if err := write(); err != nil {
				return &exit{exitError, err}
			}
			if require && !report.Complete() {
				return &exit{code: exitFail}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, e.t(words.HelpJSON))
	c.Flags().BoolVar(&require, "require", false, e.t(words.HelpCoverageAll))
	return c
}

// recordedRuns reads the runs of directories: each a run directory, or one of
// such. Runs that ended before anything was recorded are left out, and
// returned as empty.
func recordedRuns(args []string) (runs []coverage.Run, empty []string, err error) {
	for _, arg := range args {
		dirs, err := runsIn(arg)
		if err != nil {
			return nil, nil, &exit{exitUsage, err}
		}
		for _, dir := range dirs {
			recorded, err := run.Check(dir)
			if errors.Is(err, run.ErrNothingRecorded) {
				empty = append(empty, dir)
				continue
			}
			if err != nil {
				return nil, nil, &exit{exitUsage, err}
			}
			name := recorded.Base.Name
			if v := recorded.Timeline.Header.Variant; v != run.Base {
				name += " " + v
			}
			runs = append(runs, coverage.Run{Name: name, Timeline: recorded.Timeline})
		}
	}
	return runs, empty, nil
}

// runsIn returns a directory if it is that of a run, else those in it.
func runsIn(dir string) ([]string, error) {
	if isRun(dir) {
		return []string{dir}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, entry := range entries {
		if path := filepath.Join(dir, entry.Name()); isRun(path) {
			dirs = append(dirs, path)
		}
	}
	if len(dirs) == 0 {
		return nil, words.Err(words.CoverageNoRuns, dir)
	}
	slices.Sort(dirs)
	return dirs, nil
}

func isRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, run.EventsFile))
	return err == nil
}

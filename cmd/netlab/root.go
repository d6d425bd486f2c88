package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"netlab/scenarios/words"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// netlab runs the command with arguments and returns its exit code.
func netlab(ctx context.Context, e *env, args []string) int {
	out := &output{to: e.stdout}
	e.stdout = out
	understood := false // the command line; else help may help
	root := e.root(&understood)
	root.SetArgs(args)
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	command, err := root.ExecuteContextC(ctx)
	if err == nil && out.err != nil {
		err = &exit{exitError, fmt.Errorf("print: %w", out.err)}
	}
	if err != nil && err.Error() != "" {
		fmt.Fprintf(e.stderr, "netlab: %s\n", strings.TrimRight(e.say(err), "\n"))
	}
	if err != nil && !understood {
		fmt.Fprintf(e.stderr, "  %s\n", e.t(words.LineFix, command.CommandPath()+" --help"))
	}
	return exitCode(err)
}

// An output remembers that something could not be printed: who asked for it
// did not get it.
type output struct {
	to  io.Writer
	err error // the first
}

// Write writes to the output.
func (o *output) Write(text []byte) (int, error) {
	n, err := o.to.Write(text)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// say returns an error's text in the reader's language, where it has one.
func (e *env) say(err error) string {
	if x, ok := err.(*exit); ok {
		err = x.err
	}
	if t, ok := err.(interface{ In(words.Lang) string }); ok {
		return t.In(e.lang)
	}
	return err.Error()
}

// t returns a text of the catalogue in the reader's language.
func (e *env) t(id words.ID, args ...any) string { return words.M(id, args...).In(e.lang) }

// root returns the tree of commands. Nouns read, verbs change. It notes when
// the command line was understood.
func (e *env) root(understood *bool) *cobra.Command {
	root := &cobra.Command{
		Use:           "netlab",
		Short:         e.t(words.HelpNetlab),
		Long:          e.t(words.HelpNetlabLong),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().String("lang", string(e.lang), e.t(words.HelpLang))
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		*understood = true
		value, _ := cmd.Flags().GetString("lang")
		if _, ok := words.ParseLang(value); !ok {
			return words.Err(words.BadLang, value)
		}
		return nil
	}
	root.AddCommand(e.runCommand(), e.stepCommand(), e.listCommand(), e.showCommand(), e.validateCommand(),
		e.planCommand(), e.schemaCommand(), e.checkCommand(), e.coverageCommand(), e.watchCommand(), e.doctorCommand(), e.needsCommand(), e.versionCommand())
	root.AddCommand(e.languageTopic(), e.glossaryTopic(), e.layersTopic())
	return root
}

// terminal returns the width of a terminal, and whether f is one.
func terminal(f *os.File) (int, bool) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 80, err == nil
	}
	return int(size.Col), true
}

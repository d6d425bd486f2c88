// Netlab turns a sentence about how connections behave into an experiment on
// the real kernel: a scenario file describes nodes, links, servers and steps;
// netlab builds them from network namespaces, lets real programs talk inside,
// watches with several independent observers, and says whether the sentence
// holds, with the evidence.
//
//	netlab run ftp-close
//	netlab help
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"netlab/lab/node"
	"netlab/lab/run"
	"netlab/scenarios/words"
)

// Exit codes, design section 6.
const (
	exitPass         = 0
	exitFail         = 1
	exitUsage        = 2
	exitInconclusive = 3
	exitError        = 4
	exitInterrupted  = 130
)

// env is everything ambient that a command may use.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	lang           words.Lang
	width          int  // of the terminal, in columns
	terminal       bool // stdout is one
	plain          bool // no attributes of text are wanted: NO_COLOR
}

func main() {
	node.Main() // returns only in the command itself
	ctx, stop := interruptible(context.Background())
	defer stop()
	e := &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		lang: language(os.Args[1:], os.Getenv), plain: os.Getenv("NO_COLOR") != "",
	}
	e.width, e.terminal = terminal(os.Stdout)
	os.Exit(netlab(ctx, e, os.Args[1:]))
}

// interruptible returns a context that ends with run.ErrInterrupted when the
// user or the system asks the command to end. A second signal ends it at
// once; the kernel then takes the lab away.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		select {
		case <-signals:
			cancel(run.ErrInterrupted)
		case <-done:
			return
		}
		select {
		case <-signals:
			os.Exit(exitInterrupted)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// language returns the language to speak: --lang, else that of the locale.
func language(args []string, getenv func(string) string) words.Lang {
	for i, a := range args {
		value, found := "", false
		switch {
		case a == "--lang" && i+1 < len(args):
			value, found = args[i+1], true
		case len(a) > 7 && a[:7] == "--lang=":
			value, found = a[7:], true
		}
		if lang, ok := words.ParseLang(value); found && ok {
			return lang
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			lang, _ := words.ParseLang(value)
			return lang
		}
	}
	return words.English
}

// An exit is an error with the exit code that it stands for. Its text, if
// any, has not been printed yet.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// exitCode returns the code for what a command returned.
func exitCode(err error) int {
	if err == nil {
		return exitPass
	}
	if x, ok := errors.AsType[*exit](err); ok {
		return x.code
	}
	return exitUsage
}

package lab_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"netlab/lab"
	"netlab/lab/netns/netnstest"
	"netlab/lab/node"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/scenarios"
)

// upPrograms brings up a lab of two nodes with programs, and returns a
// function that runs a step of that text in client, and one that starts a
// server of that text in server. The commands of client name what is named.
func upPrograms(t *testing.T, limits string, named ...string) (l *lab.Lab, step func(string) probes.Step, serve func(string) error, news <-chan node.News) {
	t.Helper()
	needLabs(t)
	base := "netlab: 1\nname: programs\nnodes: {client: {}, server: {}}\nlinks: {wire: [client, server]}\n" + limits
	parse := func(rest string) *scenarios.Scenario {
		sc, err := scenarios.Parse("test.yaml", []byte(base+rest))
		if err != nil {
			t.Fatalf("%s: %v", rest, err)
		}
		return sc
	}
	command := strings.Join(append([]string{"a"}, named...), ", ")
	p, err := plan.New(parse("servers: {s: {node: server, exec: {command: [a], port: 1}}}\nsteps: [{exec: {node: client, command: [" + command + "]}}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan node.News, 10)
	o := options(t)
	o.News = func(_ string, n node.News) { told <- n }
	l, err = lab.Up(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	step = func(text string) probes.Step {
		t.Helper()
		before := "  - exec: {node: client, command: [a], background: on, as: bg}\n"
		if strings.Contains(text, "as: bg") {
			before = ""
		}
		steps := parse("servers: {s: {node: server, exec: {command: [a], port: 1}}}\nsteps:\n" + before + "  - " + text + "\n").Steps
		s := steps[len(steps)-1]
		timeout := 10 * time.Second
		if d := s.Common().Timeout.Duration; d > 0 {
			timeout = d
		}
		got, err := l.Step(t.Context(), "client", node.StepRequest{Step: s, Timeout: timeout})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return got
	}
	serve = func(text string) error {
		t.Helper()
		s := parse("servers: {s: {node: server, exec: " + text + "}}\n").Servers[0]
		return l.StartServer(t.Context(), node.ServeRequest{Server: s}, nil)
	}
	return l, step, serve, told
}

// sh is a step that runs a shell script.
func sh(script string, more ...string) string {
	return fmt.Sprintf("exec: {node: client, command: [sh, -c, %q]%s}", script, strings.Join(append([]string{""}, more...), ", "))
}

// TestExecSteps runs programs of all manners.
func TestExecSteps(t *testing.T) {
	_, step, _, _ := upPrograms(t, "")
	tests := []struct {
		name, step string
		exit       int // -1 for none
		content    string
		err        string
	}{
		{"output", sh("echo out; echo err >&2"), 0, "out\nerr\n", ""},
		{"status", sh("echo no; exit 9"), 9, "no\n", "exit status 9: no"},
		{"signal", sh("kill -SEGV $$"), 128 + 11, "", "killed by SIGSEGV"},
		{"input", `exec: {node: client, command: [cat], input: "some\ninput"}`, 0, "some\ninput", ""},
		{"much input", fmt.Sprintf("exec: {node: client, command: [wc, -c], input: %q}", strings.Repeat("x", 200_000)), 0, "200000\n", ""},
		{"input that nobody reads", fmt.Sprintf("exec: {node: client, command: [\"true\"], input: %q}", strings.Repeat("x", 200_000)), 0, "", ""},
		{"environment", sh("echo $A $HOME $NETLAB_X", `environment: {A: b}`), 0, "b /tmp\n", ""},
		{"directory", sh("pwd", "directory: /var/tmp"), 0, "/var/tmp\n", ""},
		{"file", sh("cat /var/a/b; /run/s", `files: {/var/a/b: "hello ", /run/s: "#!/bin/sh\necho world\n"}`), 0, "hello world\n", ""},
		{"not there", "exec: {node: client, command: [no-such-program]}", -1, "", "no-such-program is not on the search path"},
		{"hangs", sh("echo begun; sleep 100", "timeout: 200ms"), -1, "begun\n", "sh did not end within 200ms, and was killed: begun"},
		{"deaf", sh("trap '' TERM INT HUP; while :; do :; done", "timeout: 200ms"), -1, "", "sh did not end within 200ms, and was killed"},
		{"leaves something behind", sh("sleep 100 & echo done"), 0, "done\n", ""},
		{"much output", sh("yes | head -c 50000000"), 0, "", ""},
		{"rubbish", "exec: {node: client, command: [head, -c, \"3000000\", /dev/urandom]}", 0, "", ""},
	}
	for _, tt := range tests {
		got := step(tt.step)
		exit := -1
		if got.Exit != nil {
			exit = *got.Exit
		}
		if exit != tt.exit || tt.content != "" && got.Content != tt.content || got.Error != tt.err {
			t.Errorf("%s: exit %d, content %.100q, error %q; want %d, %q, %q", tt.name, exit, got.Content, got.Error, tt.exit, tt.content, tt.err)
		}
		if len(got.Content) > probes.MaxContent || got.Cut != (got.Bytes > probes.MaxContent) {
			t.Errorf("%s: %d bytes of %d, cut: %v", tt.name, len(got.Content), got.Bytes, got.Cut)
		}
	}
}

// TestConfined tries what a program may not do.
func TestConfined(t *testing.T) {
	mark := t.TempDir() // below the host's /tmp
	_, step, _, _ := upPrograms(t, "")
	for _, script := range []string{
		"touch /etc/x", "touch /x", "touch /usr/x", "chmod 600 /dev/null", "mount -t tmpfs x /mnt", "mount -o remount,rw /",
		"ls " + mark, "ls /dev/sd* /dev/vd* /dev/kmsg", "cat /proc/1/environ", "echo 1 > /proc/sys/kernel/pid_max",
		"kill -9 1; kill -TERM 1; kill -INT 1; false", "mknod /tmp/disk b 8 0", "date -s 12:00", "chroot /proc/1/root true; cat /proc/1/mem",
		"cat /proc/1/fd/3",
	} {
		if got := step(sh(script)); got.Exit == nil || *got.Exit == 0 {
			t.Errorf("%s: %+v", script, got)
		}
	}
	for _, script := range []string{
		"test $(ls /proc | grep -c '^[0-9]*$') -lt 8", "touch /tmp/x /run/x /var/x /var/log/x /dev/shm/x", "test $(cat /etc/hosts | wc -l) -gt 2",
		"echo x > /dev/null", "test -d /var/run/lock", "grep -q 'NoNewPrivs:.1' /proc/self/status", "test $(hostname) = client",
	} {
		if got := step(sh(script)); got.Error != "" {
			t.Errorf("%s: %s %q", script, got.Error, got.Content)
		}
	}
	if _, err := os.Stat("/var/x"); err == nil {
		t.Error("a file of a node is on the host")
	}
}

// TestOrphans are reaped, and die with the lab.
func TestOrphans(t *testing.T) {
	_, step, _, _ := upPrograms(t, "")
	step(sh("for i in 1 2 3 4 5 6 7 8 9 10; do (setsid sleep 0.01 &) ; done; (setsid sleep 300 >/dev/null 2>&1 </dev/null &)"))
	ended := step(sh("for i in $(seq 100); do n=$(grep -l 'State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l); s=$(pgrep -c -f '[s]leep 0.01'); [ $n = 0 ] && [ $s = 0 ] && exit 0; sleep 0.05; done; ps ax; exit 1"))
	if ended.Error != "" {
		t.Errorf("%s: %s", ended.Error, ended.Content)
	}
	if got := step(sh("ps -o ppid= -p $(pgrep -f '[s]leep 300')")); strings.TrimSpace(got.Content) != "1" {
		t.Errorf("a daemon's parent is %q, %s", got.Content, got.Error)
	}
}

// TestBackground programs are waited for and get signals by their names.
func TestBackground(t *testing.T) {
	const (
		wait   = "exec.wait: {process: bg, timeout: 300ms}"
		start  = "as: bg, background: on"
		endure = "process.stop: {process: bg}"
		resume = "process.continue: {process: bg}"
		kill   = "process.kill: {process: bg}"
	)
	_, step, _, _ := upPrograms(t, "")
	tests := []struct {
		name, step string
		content    string
		err        string
	}{
		{"not started", wait, "", `program "bg" was not started`},
		{"start", sh("sleep 0.01; echo over; exit 3", start), "", ""},
		{"await", wait, "over\n", "exit status 3: over"},
		{"await again", wait, "over\n", "exit status 3: over"},
		{"kill what has ended", kill, "", "sh has ended already: it exited with status 3"},
		{"start one that is deaf", sh("trap '' TERM; echo on; sleep 100; echo over", start), "", ""},
		{"await in vain", wait, "on\n", "sh did not end within 300ms: on"},
		{"halt", endure, "", ""},
		{"is halted", sh("until grep -q 'State:.T' $(grep -l 'Name:.sleep' /proc/[0-9]*/status); do sleep 0.01; done"), "", ""},
		{"resume", resume, "", ""},
		{"goes on", sh("until grep -q 'State:.S' $(grep -l 'Name:.sleep' /proc/[0-9]*/status); do sleep 0.01; done"), "", ""},
		{"kill", kill, "", ""},
		{"all of it", sh("grep -l 'Name:.sleep' /proc/[0-9]*/status"), "", "exit status 1"},
		{"was killed", wait, "on\n", "killed by SIGKILL: on"},
		{"start one that has sessions below it", sh("(setsid sh -c 'trap \"\" TERM; sleep 100 & wait') & wait", start), "", ""},
		{"which begin", sh("until grep -q 'Name:.sleep' /proc/[0-9]*/status; do sleep 0.01; done"), "", ""},
		{"kill that", kill, "", ""},
		{"all of that", sh("grep -l 'Name:.sleep' /proc/[0-9]*/status"), "", "exit status 1"},
	}
	for _, tt := range tests {
		if got := step(tt.step); got.Error != tt.err || got.Content != tt.content {
			t.Errorf("%s: content %q, error %q; want %q, %q", tt.name, got.Content, got.Error, tt.content, tt.err)
		}
	}
}

// TestExecServers starts servers of all manners.
func TestExecServers(t *testing.T) {
	tests := []struct{ name, server, err string }{
		{"line", `{command: [sh, -c, "echo now ready; sleep 100"], ready: {line: ready}}`, ""},
		{"file", `{command: [sh, -c, "mkdir -p /run/a/b; sleep 0.05; touch /run/a/b/c; sleep 100"], ready: {file: /run/a/b/c}}`, ""},
		{"listens", `{command: [perl, -MIO::Socket, -e, "$s = IO::Socket::INET->new(LocalPort => 23, Listen => 1) or die; sleep 100"], port: 23}`, ""},
		{"never listens", `{command: [sleep, "100"], port: 21, within: 100ms}`, "sleep did not listen on port 21 within 100ms"},
		{"never prints", `{command: [sleep, "100"], ready: {line: up}, within: 100ms}`, `sleep did not print "up" within 100ms`},
		{"never makes a file", `{command: [sh, -c, "while :; do head -c 1000000 /dev/urandom; done"], ready: {file: /run/x}, within: 300ms}`, "sh did not make the file /run/x within 300ms"},
		{"ends", `{command: [sh, -c, "echo why; exit 2"], port: 21}`, "sh did not listen on port 21: it exited with status 2 after 0."},
		{"becomes a daemon", `{command: [sh, -c, "sleep 100 &"], port: 21}`, "it exited with status 0 (a server must stay in the foreground)"},
		{"is killed", `{command: [sh, -c, "kill -9 $$"], port: 21}`, "it was killed by SIGKILL"},
		{"is not there", `{command: [no-such-server], port: 21}`, "no-such-server is not on the search path"},
		{"port is taken", `{command: [sleep, "100"], port: 23}`, `port 23 is taken by the program "perl" (pid `},
		{"prepared", `{prepare: [sh, -c, "cat /tmp/word >/run/said"], files: {/tmp/word: hello}, command: [sh, -c, "cat /run/said; sleep 100"], ready: {line: hello}}`, ""},
		{"prepared in vain", `{prepare: [sh, -c, "echo no room; exit 3"], command: [sleep, "100"], port: 21}`, "prepare: sh: exit status 3: no room"},
		{"prepared for ever", `{prepare: [sleep, "100"], command: [sleep, "100"], port: 21, within: 100ms}`, "prepare: sleep did not end within 100ms"},
		{"prepared by nobody", `{prepare: [no-such-program], command: [sleep, "100"], port: 21}`, "prepare: no-such-program is not on the search path"},
		{"is no program", `{command: [/etc/hostname], port: 21}`, "start /etc/hostname: "},
	}
	_, err := node.FindProgram("perl")
	netnstest.Require(t, "programs", err)
	_, _, serve, news := upPrograms(t, "")
	for _, tt := range tests {
		err := serve(tt.server)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.err)
		}
	}
	select {
	case n := <-news:
		t.Errorf("news of servers that were never ready, or still run: %+v", n)
	default:
	}
}

// TestNews tells of a server that ends by itself, and of too many processes.
func TestNews(t *testing.T) {
	for _, tt := range []struct {
		name, limits, server string
		want                 string
		limit                bool
	}{
		{"server ends", "", `{command: [sh, -c, "echo up; sleep 0.1; exit 7"], ready: {line: up}}`, "sh ended by itself: it exited with status 7", false},
		{"fork bomb", "limits: {processes: 100}\n", `{command: [sh, -c, "echo up; b() { b | b & }; b; sleep 100"], ready: {line: up}}`, "processes at once", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, serve, news := upPrograms(t, tt.limits)
			if err := serve(tt.server); err != nil {
				t.Fatal(err)
			}
			select {
			case n := <-news:
				if !strings.Contains(n.Text, tt.want) || n.Limit != tt.limit {
					t.Errorf("news %+v, want %q", n, tt.want)
				}
			case <-time.After(20 * time.Second):
				t.Error("no news")
			}
		})
	}
}

// TestRealPrograms takes vsftpd, nginx, lftp and curl through a lab.
func TestRealPrograms(t *testing.T) {
	for _, name := range []string{"vsftpd", "nginx", "lftp", "curl"} {
		_, err := node.FindProgram(name)
		netnstest.Require(t, "programs", err)
	}
	_, step, serve, _ := upPrograms(t, "")
	for _, s := range []string{
		`{command: [vsftpd, /run/v.conf], port: 21, files: {/var/ftp/a: "from vsftpd", /run/v.conf: "listen=YES\nbackground=NO\nrun_as_launching_user=YES\nanonymous_enable=YES\nftp_username=nobody\nanon_root=/var/ftp\n"}}`,
		`{command: [nginx, -c, /run/n.conf, -g, "daemon off;"], port: 80, files: {/var/www/a: "from nginx", /run/n.conf: "user root; events {}\nhttp { server { listen 80; root /var/www; } }\n"}}`,
	} {
		if err := serve(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ command, want string }{
		{`[curl, -sS, "ftp://anonymous:a@server/a"]`, "from vsftpd"},
		{`[lftp, -u, "anonymous,a", -e, "set net:timeout 5s; cat a; quit", "ftp://server"]`, "from vsftpd"},
		{`[curl, -sS, "http://server/a"]`, "from nginx"},
	} {
		if got := step("exec: {node: client, command: " + tt.command + "}"); got.Error != "" || got.Content != tt.want {
			t.Errorf("%s: %q, %s", tt.command, got.Content, got.Error)
		}
	}
}

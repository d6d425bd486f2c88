package labtest_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"netlab/lab/labtest"
	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/node"
	"netlab/probes"
)

// inner is an environment variable that is set where this program was started
// by one of its tests, to run the tests of what goes wrong.
const inner = "LABTEST_TEST_INNER"

func TestMain(m *testing.M) { labtest.Main(m) }

// needLabs gates a test that brings up labs.
func needLabs(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("labs take time")
	}
	if node.Privileged() {
		netnstest.Require(t, "netns", netns.Supported())
	}
}

func TestFile(t *testing.T) {
	needLabs(t)
	t.Parallel()
	labtest.Run(t, "testdata/close.yaml")
}

func TestVariants(t *testing.T) {
	needLabs(t)
	t.Parallel()
	labtest.Run(t, "testdata/close.yaml", labtest.AllVariants(), labtest.Without(probes.BPF))
}

func TestGallery(t *testing.T) {
	needLabs(t)
	t.Parallel()
	labtest.Run(t, "ftp-close.yaml")
}

// TestInner is what the other tests run in a program of its own, to see it go
// wrong.
func TestInner(t *testing.T) {
	if os.Getenv(inner) == "" {
		t.Skip("is run by TestOutcomes")
	}
	without := labtest.Without(probes.BPF)
	for _, c := range []struct {
		name, file string
		opts       []labtest.Option
	}{
		{"wrong", "testdata/wrong.yaml", nil},
		{"open", "testdata/open.yaml", nil},
		{"required", "testdata/open.yaml", []labtest.Option{labtest.Require()}},
		{"retried", "testdata/open.yaml", []labtest.Option{labtest.Retries(1)}},
		{"broken", "testdata/broken.yaml", nil},
		{"timeout", "testdata/close.yaml", []labtest.Option{labtest.Timeout(1)}},
		{"variant", "testdata/close.yaml", []labtest.Option{labtest.Variant("nosuch")}},
		{"nosuch", "testdata/nosuch.yaml", nil},
		{"invalid", "labtest.go", nil},
	} {
		t.Run(c.name, func(t *testing.T) { labtest.Run(t, c.file, append(c.opts, without)...) })
	}
}

// again runs one test in a program of its own.
func again(t *testing.T, test string) (string, error) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+test+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), inner+"=1", "NETLAB_REQUIRE=", "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// What a run came to is what its subtest comes to.
func TestOutcomes(t *testing.T) {
	needLabs(t)
	t.Parallel()
	out, err := again(t, "TestInner")
	if err == nil {
		t.Error("the tests passed")
	}
	for _, want := range []string{
		`--- FAIL: TestInner/wrong/steps\.login\.reply`,
		`fail: got 230, want 530`,
		`(?m)^ +want: 530$`,
		`(?m)^ +expectation: testdata/wrong\.yaml:\d+:\d+$`,
		`(?m)^ +run directory: .*/wrong-`,
		`run directories are kept in `,
		`--- PASS: TestInner/wrong/control\.first_fin`,
		`--- SKIP: TestInner/open/control\.client\.states`,
		`inconclusive: .*were not observable`,
		`--- PASS: TestInner/open \(`,
		`--- FAIL: TestInner/required/control\.client\.states`,
		`run 1, attempt 1 was inconclusive and is taken again: control\.client\.states: `,
		`--- FAIL: TestInner/broken/run`,
		`error: limits\.run: the run exceeded 5ms`,
		`--- FAIL: TestInner/timeout/run`,
		`scenario close has no variant "nosuch"`,
		`labtest: "testdata/nosuch\.yaml" is neither a file, from the test's directory, nor a scenario of the gallery`,
		`--- FAIL: TestInner/invalid`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(out, "left behind") {
		t.Error("something was left behind")
	}
	if t.Failed() {
		t.Logf("\n%s", out)
	}
}

// TestSample is the module of testdata/labtest, which uses this one as a
// stranger would.
func TestSample(t *testing.T) {
	needLabs(t)
	goCommand, err := exec.LookPath("go")
	netnstest.Require(t, "programs", err)
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"as it is", []string{"test", "-count=1", "-v", "."}, `--- PASS: TestServerFirst/control\.first_fin`},
		{"without Main", []string{"test", "-count=1", "-tags", "nomain", "."}, regexp.QuoteMeta("func TestMain(m *testing.M) { labtest.Main(m) }")},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(goCommand, c.args...)
			cmd.Dir = "../../testdata/labtest"
			cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "CGO_ENABLED=0")
			out, err := cmd.CombinedOutput()
			if (err == nil) != (c.name == "as it is") || !regexp.MustCompile(c.want).Match(out) {
				t.Errorf("%v; want %s in:\n%s", err, c.want, out)
			}
		})
	}
}

package scenarios

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file = "testdata/" + file
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), go test -update writes it anew:\n%s", file, diff)
	}
}

// TestReference holds the text of the reference, and that it has every key.
func TestReference(t *testing.T) {
	text := Reference()
	golden(t, "reference.txt", text)
	for i, line := range strings.Split(text, "\n") {
		if utf8.RuneCountInString(line) > width || strings.TrimRight(line, " ") != line {
			t.Errorf("line %d is too long, or ends with spaces: %q", i+1, line)
		}
	}
	sh := shapes{}
	sh.of(reflect.TypeFor[Scenario]())
	for _, typ := range []reflect.Type{
		reflect.TypeFor[Scenario](), reflect.TypeFor[Node](), reflect.TypeFor[Link](), reflect.TypeFor[End](),
		reflect.TypeFor[Server](), reflect.TypeFor[FTPServer](), reflect.TypeFor[Step](), reflect.TypeFor[FTPConnect](),
		reflect.TypeFor[Common](), reflect.TypeFor[Settle](), reflect.TypeFor[ConnectionName](), reflect.TypeFor[Expect](),
		reflect.TypeFor[ConnectionExpect](), reflect.TypeFor[EndExpect](), reflect.TypeFor[StepExpect](),
		reflect.TypeFor[DurationExpect](), reflect.TypeFor[Variant](), reflect.TypeFor[Limits](), reflect.TypeFor[Addressing](),
		reflect.TypeFor[HTTPServer](), reflect.TypeFor[HTTPSServer](), reflect.TypeFor[Route](), reflect.TypeFor[Cookie](), reflect.TypeFor[HTTPClient](),
		reflect.TypeFor[HTTPPost](), reflect.TypeFor[TCPServer](), reflect.TypeFor[DNSServer](), reflect.TypeFor[DNSLookup](), reflect.TypeFor[SMTPServer](),
		reflect.TypeFor[SMTPSend](), reflect.TypeFor[ProxyServer](), reflect.TypeFor[ProxyAt](), reflect.TypeFor[ExecServer](), reflect.TypeFor[ExecReady](),
		reflect.TypeFor[Exec](), reflect.TypeFor[Needs](), reflect.TypeFor[NAT](), reflect.TypeFor[Rule](), reflect.TypeFor[Match](), reflect.TypeFor[RouteStep](),
		reflect.TypeFor[Impair](), reflect.TypeFor[FrameMatch](), reflect.TypeFor[SocketOptions](), reflect.TypeFor[KeepAlive](), reflect.TypeFor[GateHold](),
		reflect.TypeFor[GateInject](), reflect.TypeFor[GateRelease](), reflect.TypeFor[GateCorrupt](), reflect.TypeFor[TCPConnect](), reflect.TypeFor[Wait](),
	} {
		for _, key := range sh.of(typ).keys() {
			if !strings.Contains(text, "  "+key) {
				t.Errorf("%v.%s is not in the reference", typ, key)
			}
		}
	}
}

// TestSchemaIsStable sees to it that the schema's text is the same each time.
func TestSchemaIsStable(t *testing.T) {
	one, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	two, _ := Schema()
	if diff := cmp.Diff(string(one), string(two)); diff != "" {
		t.Error(diff)
	}
}

package run

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlab/lab/plan"
	"netlab/probes"
	"netlab/probes/wire/content"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The capture is read again only for who asks what is in it.
func TestSearched(t *testing.T) {
	version := scenarios.TLS13
	notify := scenarios.Moment{Word: scenarios.WordCloseNotify}
	connection := func(x scenarios.ConnectionExpect) *scenarios.Scenario {
		return &scenarios.Scenario{Expect: scenarios.Expect{Connections: []scenarios.ConnectionExpect{x}}}
	}
	server := func(s scenarios.Server) *scenarios.Scenario {
		return &scenarios.Scenario{Servers: []scenarios.Server{s}}
	}
	for _, tt := range []struct {
		name string
		sc   *scenarios.Scenario
		want bool
	}{
		{"nothing asked", connection(scenarios.ConnectionExpect{Resets: &scenarios.Count{}}), false},
		{"visible", connection(scenarios.ConnectionExpect{Visible: []string{"x"}}), true},
		{"hidden", connection(scenarios.ConnectionExpect{Hidden: []string{"x"}}), true},
		{"version", connection(scenarios.ConnectionExpect{TLS: &version}), true},
		{"alerts", connection(scenarios.ConnectionExpect{Alerts: &[]scenarios.Alert{}}), true},
		{"close_notify", connection(scenarios.ConnectionExpect{CloseNotify: &scenarios.Who{}}), true},
		{"order", &scenarios.Scenario{Expect: scenarios.Expect{Order: []scenarios.Moment{notify}}}, true},
		{"duration", &scenarios.Scenario{Expect: scenarios.Expect{Durations: []scenarios.DurationExpect{{To: notify}}}}, true},
		{"http", server(scenarios.Server{HTTP: &scenarios.HTTPServer{}}), false},
		{"https", server(scenarios.Server{HTTPS: &scenarios.HTTPSServer{}}), true},
		{"ftp", server(scenarios.Server{FTP: &scenarios.FTPServer{TLS: scenarios.NoTLS}}), false},
		{"ftps", server(scenarios.Server{FTP: &scenarios.FTPServer{TLS: scenarios.ExplicitTLS}}), true},
	} {
		if got := searched(tt.sc); got != tt.want {
			t.Errorf("%s: searched is %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestOwners(t *testing.T) {
	at := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	p := &plan.Plan{Links: []plan.Link{
		{Ends: [2]plan.End{{Node: "a", Addresses: at("10.0.0.1/24")}, {Node: "r", Addresses: at("10.0.0.9/24")}}},
		{Ends: [2]plan.End{{Node: "b", Addresses: at("10.0.0.1/24")}, {Node: "sw", Switch: true}}},
	}}
	want := map[netip.Addr][]string{netip.MustParseAddr("10.0.0.1"): {"a", "b"}, netip.MustParseAddr("10.0.0.9"): {"r"}}
	if diff := cmp.Diff(want, owners(p), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A frame that is no segment was seen when the one before it was.
func TestSeenAt(t *testing.T) {
	at := seenAt([]probes.Event{
		{Time: 10, Segment: &probes.Segment{Capture: 2}},
		{Time: 30, Segment: &probes.Segment{Capture: 5}},
		{Time: 99, Segment: &probes.Segment{Capture: 1 << 60}}, // nonsense
		{Time: 99},
	})
	var got []probes.Mono
	for frame := range uint64(8) {
		got = append(got, at(frame, time.Time{}))
	}
	if diff := cmp.Diff([]probes.Mono{0, 0, 10, 10, 10, 30, 30, 30}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What a capture that was cut off lacks is no evidence: the search says so.
func TestSearchInCutCapture(t *testing.T) {
	none := func(probes.Event) { t.Error("something was found in nothing") }
	if err := searchIn(strings.NewReader(""), []probes.Event{{Time: 10, Kind: probes.KindMark}}, content.Search{}, none); err != nil {
		t.Errorf("a lab without segments: %v", err)
	}
	err := searchIn(strings.NewReader(""), []probes.Event{{Time: 10, Segment: &probes.Segment{Capture: 2}}}, content.Search{}, none)
	if err == nil || !strings.Contains(err.Error(), "ends at frame 0, before frame 2") {
		t.Errorf("%v, want an error that says where the capture ends", err)
	}
}

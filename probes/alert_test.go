package probes

import (
	"slices"
	"testing"
)

func TestAlertNames(t *testing.T) {
	for description, want := range map[uint8]string{0: "close_notify", 42: "bad_certificate", 120: "no_application_protocol", 200: "200"} {
		if got := AlertName(description); got != want {
			t.Errorf("%d is %q, want %q", description, got, want)
		}
	}
	list := AlertNames()
	for name, want := range map[string]bool{"unknown_ca": true, CloseNotify: false, "export_restriction": false, "ech_required": false} {
		if slices.Contains(list, name) != want {
			t.Errorf("%s is listed: %t, want %t", name, !want, want)
		}
	}
	if len(list) != 26 { // RFC 8446 appendix B.2
		t.Errorf("%d names, want 26: %q", len(list), list)
	}
}

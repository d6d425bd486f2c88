package node

import "testing"

func TestRuns(t *testing.T) {
	for _, tt := range []struct {
		name, stat string
		want       bool
	}{
		{"running", "12 (netlab) R 1 12 12 0", true},
		{"waiting for the disk", "12 (netlab) D 1 12", true},
		{"asleep", "12 (netlab) S 1 12 12 0", false},
		{"stopped", "12 (netlab) T 1 12 12 0", false},
		{"a name like an end", "12 (a) R 1) S 1 12", false},
		{"a name like a state", "12 (S) R 1 12", true},
		{"cut", "12 (netlab)", false},
		{"empty", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := runs([]byte(tt.stat)); got != tt.want {
				t.Errorf("runs(%q) = %v, want %v", tt.stat, got, tt.want)
			}
		})
	}
}

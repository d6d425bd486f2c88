package node

import "testing"

// What is seen of users' files is never all that a user has, unless a
// directory is named that is just that.
func TestSeenWith(t *testing.T) {
	for path, want := range map[string]string{
		"/usr/bin/x": "", "/homes/x/y": "", "/rootx/y": "", "/": "", "/home": "", "/home/none-such": "/home/none-such",
		"/root/none-such":                  "/root/none-such",
		"/root/bin/none-such":              "/root/bin",
		"/root/p/none-such":                "/root/p",
		"/root/p/bin/none-such":            "/root/p",
		"/home/nobody-such/x":              "/home/nobody-such/x",
		"/home/nobody-such/bin/x":          "/home/nobody-such/bin",
		"/home/nobody-such/.local/bin/x":   "/home/nobody-such/.local",
		"/home/nobody-such/.pyenv/shims/x": "/home/nobody-such/.pyenv",
		"/home/nobody-such/a/b/c":          "/home/nobody-such/a/b",
	} {
		if got := seenWith(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// This module uses netlab as anybody would: its tests are scenarios. It stands
// beside netlab's own source, hence the replace line in go.mod; elsewhere
// there is none.
//
//	go test -v .
package mylab

import (
	"testing"

	"netlab/lab/labtest"
)

func TestServerFirst(t *testing.T) {
	t.Parallel()
	labtest.Run(t, "server-first.yaml")
}

// A scenario of netlab's gallery, by its name.
func TestFourSegments(t *testing.T) {
	t.Parallel()
	labtest.Run(t, "ftp-close")
}

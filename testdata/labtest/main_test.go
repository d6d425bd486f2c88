//go:build !nomain

package mylab

import (
	"testing"

	"netlab/lab/labtest"
)

// The test program is also what labs are made of.
func TestMain(m *testing.M) { labtest.Main(m) }

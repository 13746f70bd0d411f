//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package screen

import (
	"errors"
	"os"
)

// Screen is none on this system.
type Screen struct{}

// Open says so.
func Open(_, _ *os.File) (*Screen, error) {
	return nil, errors.New("pages in a terminal are not made for this system")
}

// Keys has none.
func (*Screen) Keys() <-chan Key { return nil }

// Changed has nothing to say.
func (*Screen) Changed() <-chan struct{} { return nil }

// Size is that of a common terminal.
func (*Screen) Size() (columns, rows int) { return 80, 24 }

// Show shows nothing.
func (*Screen) Show([]string) error { return nil }

// Close has nothing to give back.
func (*Screen) Close() {}

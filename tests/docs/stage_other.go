//go:build !linux

package docs

// Stage does nothing where there are no machines to make.
func Stage() {}

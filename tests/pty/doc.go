// Package pty makes terminals for tests, with a test in the place of whoever
// sits there.
package pty

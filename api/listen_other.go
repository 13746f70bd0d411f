//go:build !unix

package api

import (
	"errors"
	"math"
	"net"
)

// ErrInUse is what a socket says whose name is taken.
var ErrInUse = errors.New("the address is in use")

func refused(error) bool { return false }

func lockFolder(string) (unlock func(), err error) {
	return nil, errors.New("sockets with a path are for Unix: give host:port")
}

func listenUnix(string) (net.Listener, error) { return nil, ErrInUse }

// maxFiles is how many files the process may have open at once.
func maxFiles() int { return math.MaxInt }

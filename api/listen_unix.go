//go:build unix

package api

import (
	"errors"
	"math"
	"net"
	"os"
	"syscall"
	"time"
)

// ErrInUse is what the system says of an address that is taken.
var ErrInUse error = syscall.EADDRINUSE

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// lockWithin is how long others may take to make a socket in the same folder.
const lockWithin = 2 * time.Second

// lockFolder keeps other processes of ours from making sockets in a folder. Its
// lock needs no file.
func lockFolder(path string) (unlock func(), err error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(lockWithin); ; time.Sleep(10 * time.Millisecond) {
		err = syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = folder.Close() }, nil
		case errors.Is(err, syscall.EWOULDBLOCK) && time.Now().Before(end), errors.Is(err, syscall.EINTR):
			continue
		}
		_ = folder.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
}

// listenUnix makes a socket that never was open to others than it is in the end.
// The mask is the whole process's: for this moment others' files are at most less
// open.
func listenUnix(path string) (net.Listener, error) {
	mask := syscall.Umask(0o007)
	listener, err := net.Listen("unix", path)
	syscall.Umask(mask)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		_ = listener.Close()
		return nil, err
	}
	return listener, nil
}

// maxFiles is how many files the process may have open at once.
func maxFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt
	}
	return int(min(limit.Cur, math.MaxInt)) // which Go raises to Max when it starts
}

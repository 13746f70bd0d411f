package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	unixScheme = "unix:"
	// longestPath is what every system has room for in a socket's address, the
	// ending zero not counted.
	longestPath = 103
	socketMode  = 0o660
)

// UnixPath returns the path of an address unix:PATH.
func UnixPath(address string) (path string, ok bool) { return strings.CutPrefix(address, unixScheme) }

// CheckUnixPath says what is wrong with the path of a socket, as far as that can
// be seen without looking.
func CheckUnixPath(path string) error {
	switch {
	case path == "":
		return errors.New("the path is missing; want unix:PATH, such as unix:/run/lockstep/api.sock")
	case len(path) > longestPath:
		return fmt.Errorf("the path has %d bytes, and that of a socket at most %d: choose a shorter one", len(path), longestPath)
	case strings.ContainsRune(path, 0) || path[0] == '@':
		return errors.New("the path is not that of a file; want unix:PATH, such as unix:/run/lockstep/api.sock")
	default:
		return nil
	}
}

func listen(address string) (net.Listener, error) {
	path, ok := UnixPath(address)
	if !ok {
		// The crowd has those kept alive whom it lets in: to accept the others is to
		// cost little.
		return (&net.ListenConfig{KeepAlive: -1}).Listen(context.Background(), "tcp", address)
	}
	if err := CheckUnixPath(path); err != nil {
		return nil, err
	}
	// Two that start at once would each take the other's fresh socket for a stale
	// one.
	unlock, err := lockFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := removeStale(path); err != nil {
		return nil, err
	}
	return listenUnix(path)
}

// removeStale makes room for a socket if what stands there is one that nobody
// listens on any more: that of a process that was killed.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return &fs.PathError{Op: "listen", Path: path, Err: errors.New("something that is no socket has this name")}
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	if !refused(err) { // it was taken, or it may be
		return &fs.PathError{Op: "listen", Path: path, Err: ErrInUse}
	}
	return os.Remove(path)
}

package lockstep

import (
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"lockstep/lock"
)

// checkTTL turns the TTL of WithTTL into what the session is opened with.
func checkTTL(ttl time.Duration) (lock.Millis, error) {
	least, most := span(lock.MinTTL).Duration, span(lock.MaxTTL).Duration
	if ttl < least || ttl > most {
		return 0, fmt.Errorf("%w: a TTL of %v is not between %v and %v", ErrInvalid, ttl, least, most)
	}
	return millis(ttl), nil
}

// presence is what others see of a client: what is found out about the process,
// and what WithInfo says instead or besides.
func presence(said map[string]string) (lock.Info, error) {
	info := processInfo()
	maps.Copy(info, said)
	text, err := infoText(info)
	if err == nil && len(text) > lock.MaxInfoBytes {
		err = fmt.Errorf("%w: the client's info takes %d bytes, more than %d", ErrInvalid, len(text), lock.MaxInfoBytes)
	}
	return text, err
}

// processInfo leaves the arguments of the command out: they may hold secrets.
func processInfo() map[string]string {
	info := map[string]string{"pid": strconv.Itoa(os.Getpid()), "command": printable(filepath.Base(os.Args[0]))}
	if host, err := os.Hostname(); err == nil {
		info["host"] = printable(host)
	}
	if user, err := user.Current(); err == nil {
		info["user"] = printable(user.Username)
	}
	return info
}

// printable drops what would spoil the line that it stands in.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}

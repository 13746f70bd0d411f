package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// errClosed is what a journal says that was closed.
var errClosed = errors.New("journal: closed")

// remedy is what can be done about a log that is damaged.
const remedy = "empty the directory and start the node again, which then joins the others as a new member; a copy helps only if nothing was written since it was made"

// explain says in one line what a failed file operation means, and what would
// help.
func explain(where FS, err error) error {
	switch {
	case errors.Is(err, errClosed):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("there is no room left for the log in %s; what is stored stays as it is: make room and start the node again (%w)", where, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the log in %s cannot be written: make the directory and its files writable for the node's user, or choose another with -data (%w)", where, err)
	default:
		return fmt.Errorf("the log in %s cannot be kept: %w", where, err)
	}
}

// Package leash starts processes that do not outlive this one: not even if it is
// killed, or ends in a panic, before it can end them.
package leash

import "os/exec"

// Start starts a command. On Linux the system kills it when this process has ended,
// however that was; elsewhere whoever starts it has to.
func Start(command *exec.Cmd) error { return start(command) }

package leash

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

func start(command *exec.Cmd) error {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started := make(chan error)
	holder() <- func() { started <- command.Start() }
	return <-started
}

// holder is a thread that ends with the process: the system kills what a thread has
// started as soon as that thread ends, and the others of a program may.
var holder = sync.OnceValue(func() chan<- func() {
	do := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range do {
			f()
		}
	}()
	return do
})

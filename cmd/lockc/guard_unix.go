//go:build unix

package main

import (
	"errors"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
)

// lease is what guarding a command needs of a lockstep.Lease.
type lease interface {
	Remaining() time.Duration
	Err() error
}

// guard keeps a command and the lease that it runs under together.
type guard struct {
	lease   lease
	ending  ending
	hold    bool          // go on when the nodes cannot be reached
	maxHold time.Duration // zero: none
	signals chan os.Signal
	notice  func(format string, args ...any)

	group    *group
	terminal *terminal
	resume   bool // the group gets the terminal again when it goes on
	began    time.Time
	killedAt time.Duration
	asked    syscall.Signal // somebody has asked the command to end
}

// The signals that the command gets from us; the first ones ask it to end. One
// that is ignored, as under nohup, stays so for both.
var (
	enders = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}
	others = []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGTSTP, syscall.SIGCONT}
)

func listen(to chan os.Signal, signals []os.Signal) {
	for _, s := range signals {
		if !signal.Ignored(s) {
			signal.Notify(to, s)
		}
	}
}

const (
	// sure is how much of a span, in percent, has not passed by any clock that is
	// wrong by 2%.
	sure = 96
	// glance is how often the guard looks at the lease.
	glance = 25 * time.Millisecond
	// patience is how long killed processes may take to go; the kernel keeps some
	// for a disk that does not answer.
	patience = 10 * time.Second
)

// run starts the command and returns its exit code when all of its group has
// gone, and whether it was ended because the lease was.
func (g *guard) run(path string, argv, env []string) (code int, lost bool, err error) {
	listen(g.signals, others)
	g.terminal = openTerminal()
	g.began = time.Now()
	if g.group, err = startGroup(path, argv, env, g.terminal.toBegin()); err != nil {
		g.terminal.takeBack()
		return 0, false, startFailure(argv[0], err)
	}
	defer g.terminal.takeBack()
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for ended := g.group.ended; !g.done(); g.step() {
		select {
		case <-ended:
			ended = nil
		case s := <-g.signals:
			g.forward(s.(syscall.Signal))
		case s := <-g.group.stopped:
			g.stand(s)
		case <-ticker.C:
		}
	}
	return g.outcome()
}

// step sends what is due.
func (g *guard) step() {
	now := time.Since(g.began)
	remaining, cause := g.held(now)
	due := g.ending.step(now, remaining, cause)
	if due == 0 && g.group.over() && !g.group.gone() {
		due = g.ending.finish(now)
	}
	switch due {
	case syscall.SIGTERM:
		g.group.terminate()
	case syscall.SIGKILL:
		g.kill(now)
	}
	if g.ending.lost && (g.killedAt > 0 || g.group.gone()) {
		g.killStrays()
	}
}

func (g *guard) kill(now time.Duration) {
	if g.killedAt == 0 {
		g.killedAt = now
	}
	g.group.signal(syscall.SIGKILL)
}

// killStrays ends those who left the group when the lock is lost: what they do is
// not protected any more. After a command that has ended by itself they may stay:
// so it can start a daemon.
func (g *guard) killStrays() {
	for _, pid := range g.group.strays() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// held returns what is left of the lease, and why it is over if it is. One who
// holds on does not mind that the nodes cannot be told.
func (g *guard) held(now time.Duration) (time.Duration, error) {
	remaining, cause := g.lease.Remaining(), g.lease.Err()
	switch {
	case !g.hold, cause != nil && !errors.Is(cause, lockstep.ErrLost):
		return remaining, cause
	case g.maxHold > 0:
		return g.maxHold*sure/100 - now, nil
	default:
		return math.MaxInt64, nil
	}
}

// overheld reports whether the MaxHold is what has ended the command.
func (g *guard) overheld() bool {
	return g.maxHold > 0 && time.Since(g.began) >= g.maxHold*sure/100-g.ending.grace
}

// done reports whether there is nothing left to guard.
func (g *guard) done() bool {
	if g.killedAt > 0 && time.Since(g.began)-g.killedAt > patience {
		return true
	}
	return g.group.over() && g.group.gone() && (!g.ending.lost || len(g.group.strays()) == 0)
}

func (g *guard) outcome() (code int, lost bool, err error) {
	if !g.group.over() || !g.group.gone() {
		return 0, true, cli.Fail(codeLost, "killed, but not gone: look at process group %d", g.group.id)
	}
	return g.group.code(), g.ending.lost, nil
}

// forward passes a signal on to the command.
func (g *guard) forward(s syscall.Signal) {
	switch s {
	case syscall.SIGCONT:
		if g.resume {
			g.resume = false
			g.terminal.give(g.group.id)
		}
	case syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT:
		g.asked = s
	}
	g.group.signal(s)
}

// stand is called when something has stopped the command. One that wants the
// terminal gets it if it is our turn. Otherwise we stop as well, so that the shell
// takes over; but nobody keeps the lock alive meanwhile, and what is due then is
// sent as soon as we go on. Whoever stops the command alone, with SIGSTOP, does
// not stop us.
func (g *guard) stand(s syscall.Signal) {
	wants := s == syscall.SIGTTIN || s == syscall.SIGTTOU
	switch {
	case wants && g.terminal.give(g.group.id):
		g.group.signal(syscall.SIGCONT)
	case wants, s == syscall.SIGTSTP:
		g.suspend()
	}
}

// suspend stops this process and those that were started together with it, as
// control-Z would. It does so with another signal of the same effect: once Go's
// runtime handles SIGTSTP there is no way back to what that does by default. Where
// no shell could let us go on, the system does not stop us.
func (g *guard) suspend() {
	g.resume = g.terminal.given
	g.terminal.takeBack()
	g.notice("stopped, and so is keeping the lock alive: it is lost in %v", g.lease.Remaining().Round(time.Second/10))
	_ = syscall.Kill(0, syscall.SIGTTIN)
}

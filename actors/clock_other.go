//go:build !linux

package actors

// ThroughSuspend should be a clock that runs on while the machine is suspended
// (T5). Here it is Go's own, which may not: whoever suspends this machine relies
// on the tokens.
func ThroughSuspend() Clock { return Monotonic() }

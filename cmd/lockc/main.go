// Command lockc asks a pair of Lockstep nodes for locks, and shows where the
// nodes stand.
package main

import "os"

func main() {
	p := newProgram()
	code := p.Main(os.Args[1:])
	// Whatever there was to say has been said: nobody waits for the farewell.
	p.close()
	os.Exit(code)
}

//go:build unix

package main

import "os"

// colourful reports whether the output is for somebody who sees colours.
func (p *program) colourful() bool {
	file, ok := p.Stdout.(*os.File)
	return ok && isTerminal(int(file.Fd())) && p.Getenv("NO_COLOR") == "" && p.Getenv("TERM") != "dumb"
}

// attended reports whether somebody can be asked.
func (p *program) attended() bool {
	_, ok := p.Stderr.(*os.File)
	return ok && isTerminal(0) && isTerminal(2)
}

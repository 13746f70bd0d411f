//go:build unix

package main

import "os"

// colourful reports whether the output is for somebody who sees colours.
func (p *program) colourful() bool {
	_, ok := p.terminal()
	return ok && p.Getenv("NO_COLOR") == ""
}

// terminal is the output, if it is one that can show more than lines.
func (p *program) terminal() (*os.File, bool) {
	file, ok := p.Stdout.(*os.File)
	return file, ok && isTerminal(int(file.Fd())) && p.Getenv("TERM") != "dumb"
}

// attended reports whether somebody can be asked.
func (p *program) attended() bool {
	_, ok := p.Stderr.(*os.File)
	return ok && isTerminal(0) && isTerminal(2)
}

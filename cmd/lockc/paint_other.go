//go:build !unix

package main

import "os"

func (p *program) colourful() bool { return false }

func (p *program) terminal() (*os.File, bool) { return nil, false }

func (p *program) attended() bool { return false }

//go:build !unix

package main

func (p *program) colourful() bool { return false }

func (p *program) attended() bool { return false }

//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "chaos: machines of their own are made from Linux namespaces: run this on Linux")
	os.Exit(1)
}

// Shot takes a picture of a page, as a real browser shows it. img/make.sh uses it.
package main

import (
	"flag"
	"fmt"
	"os"

	"lockstep/tests/browser/chrome"
)

func main() {
	look := chrome.Desk
	flag.IntVar(&look.Width, "width", look.Width, "how wide the page is")
	flag.IntVar(&look.Height, "height", look.Height, "how tall it is")
	flag.Float64Var(&look.Scale, "scale", 2, "pixels of the picture to one of the page's")
	flag.BoolVar(&look.Phone, "phone", false, "look at it on a phone")
	flag.BoolVar(&look.Dark, "dark", false, "prefer a dark page")
	await := flag.String("await", "true", "take the picture when this `EXPRESSION` is true in the page")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "shot [FLAGS] URL FILE.png")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(64)
	}
	look.Still = true // no picture is of something half way
	if err := shoot(look, *await, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "shot:", err)
		os.Exit(1)
	}
}

func shoot(look chrome.Look, await, url, file string) error {
	path, err := chrome.Find()
	if err != nil {
		return err
	}
	b, err := chrome.Start(path)
	if err != nil {
		return err
	}
	defer b.Stop()
	tab, err := b.Tab(look)
	if err != nil {
		return err
	}
	defer tab.Close()
	if err := tab.Open(url); err != nil {
		return err
	}
	if err := tab.Await(await); err != nil {
		return err
	}
	png, err := tab.Picture()
	if err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o666)
}

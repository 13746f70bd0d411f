package docs

import (
	"cmp"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var deeper = regexp.MustCompile(`(?m)^\t+`)

// text reads a page as it stands in a test: deeper, with three apostrophes for a fence.
func text(t *testing.T, page string) *Page {
	t.Helper()
	page = deeper.ReplaceAllString(strings.TrimPrefix(page, "\n"), "")
	parsed, mistakes := Parse("page.md", fenced(page))
	complain(t, mistakes)
	return parsed
}

// TestMistakesOfPages: what a page gets wrong is found, each with its line.
func TestMistakesOfPages(t *testing.T) {
	for name, test := range map[string]struct {
		page   string
		want   []string      // the beginning of each mistake
		within time.Duration // in which there is no hope for more; else there is no hurry
	}{
		"all right": {page: `
			'''console
			$ echo one; echo two   # and a note
			one
			…
			$ cd /tmp
			$ pwd
			/tmp
			$ x=3; f() { echo "$x times $1"; }
			$ f 'a & b'
			3 times a & b
			$ f \
			    long
			3 … long
			$ false
			$ echo $?
			1
			$ hostname
			web1
			'''`},
		"a code": {page: `
			'''console exit=3
			$ true
			$ sh -c 'exit 3'
			'''
			'''console exit=4
			$ sh -c 'exit 3'
			'''
			'''console
			$ sh -c 'echo no; exit 3'
			no
			$ true
			'''`, want: []string{
			"page.md:6: sh -c 'exit 3'\nit ends with code 3, not 4",
			"page.md:9: sh -c 'echo no; exit 3'\nit ends with code 3, not 0, and prints\n    | no\n",
		}},
		"other words": {page: `
			'''console
			$ printf 'a\nb\nc\n'
			a
			B
			c
			$ echo more
			$ true
			less
			'''`, want: []string{
			"page.md:2: printf 'a\\nb\\nc\\n'\nline 4 is not printed, or not there: B",
			"page.md:6: echo more\nmore is printed",
			"page.md:7: true\nline 8 is not printed, or not there: less",
		}},
		"what goes on": {page: `
			'''console
			$ (echo begins; sleep 1000) &
			begins
			$ kill -9 %1; wait %1; echo it was killed
			it was killed
			$ (echo begins; cat) & # it has no input, and ends
			ends
			'''`, want: []string{
			"page.md:6: (echo begins; cat) & # it has no input, and ends\nline 7 is not printed, or not there: ends",
		}, within: 3 * time.Second},
		"somebody ends meanwhile": {page: `
			'''console
			$ sleep 0.1 &
			$ f() { printf 'a b'; wait $!; true; echo ' c'; }; f
			a b c
			$ echo d
			d
			'''`},
		"another terminal": {page: `
			'''console stays
			$ echo here
			here
			$ echo begins; sleep 1000  # for long
			begins
			'''
			'''console
			$ kill %1
			'''`},
		"what comes yet": {page: `
			'''console await
			$ echo x >>file; grep -c x file
			3
			'''
			'''console
			$ cat file
			x
			x
			x
			'''`},
		"files": {page: `
			'''sh file=bin/hello
			#!/bin/sh
			echo hello, $1
			'''
			'''console
			$ bin/hello you
			hello, you
			'''
			'''sh file=../out
			true
			'''`, want: []string{"page.md:9: ../out is not in the page's folder"}},
		"hidden": {page: `
			<!--
			'''console
			$ ls "$CHECKOUT/tests/docs/doc.go" >/dev/null; x=set
			'''
			-->
			'''console
			$ echo $x
			set
			'''`},
		"the shell ends": {page: `
			'''console
			$ exit 5
			$ echo no more
			'''`, want: []string{"page.md:2: exit 5\nthe shell is gone"}},
		"it stands still": {page: `
			'''console
			$ echo one; sleep 1000
			one
			$ echo no more
			'''`, want: []string{"page.md:2: echo one; sleep 1000\ncontext deadline exceeded; it has printed\n    | one\n"}, within: 3 * time.Second},
		"a network of its own": {page: `
			'''console
			$ tail -n +3 /proc/net/dev | cut -d: -f1
			    lo
			'''`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := text(t, test.page)
			play(t, &House{Checkout: checkout(t), Patience: cmp.Or(test.within, patience)}, page, &page.Scenes[0], test.want...)
		})
	}
}

// TestAllEndsWithAScene: what a page has started is gone when the page is over.
func TestAllEndsWithAScene(t *testing.T) {
	fifo := filepath.Join(folder(t), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ends := make(chan error, 1)
	go func() {
		reader, err := os.Open(fifo) // until it is opened for writing
		if err == nil {
			_, err = io.ReadAll(reader) // until nobody has it open
		}
		ends <- err
	}()
	page := text(t, "'''console\n$ exec 9>"+fifo+"; setsid sleep 1000 &\n'''\n")
	play(t, &House{Checkout: checkout(t), Patience: patience}, page, &page.Scenes[0])
	select {
	case err := <-ends:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("what a page has started goes on")
	}
}

// TestAToolThatIsMissing: what needs it is skipped, and said.
func TestAToolThatIsMissing(t *testing.T) {
	page := text(t, `
		'''console needs=nosuchtool
		$ false
		'''
		'''console norun=it takes two machines
		$ false
		'''
		`)
	tally := play(t, &House{Checkout: checkout(t), Patience: patience}, page, &page.Scenes[0])
	if got, want := tally.String(), "0 commands were typed and 0 files written\nSKIPPED page.md:1: there is no nosuchtool here\nnot run: page.md:4: it takes two machines\n"; got != want {
		t.Errorf("it says %q, not %q", got, want)
	}
}

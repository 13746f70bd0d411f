// Package docs runs what is written in docs/ and in the README: each page is typed
// into a shell, and what is printed is held against what the page says.
//
// Pages are Markdown. What they have between fences is run, in the order of the
// page:
//
//	```console               lines that begin with "$ " are commands; what follows
//	$ lockc lock demo        each is all that it prints, and it succeeds
//	reply: true
//	```
//
//	```console exit=75       the last command ends with this code
//	```console await         each command is typed again until it prints this: what
//	                         a reader sees who types a second later
//	```console stays         the last command goes on, as in a terminal of its own
//	```console needs=jq      skipped, out loud, on a machine that has no jq
//	```console norun=REASON  not run, and the tally says why
//	```python file=job.py    a file of the page's folder; "file=job.py" stands alone
//	                         when there is no language
//	```text                  a drawing, or what a file or a program looks like
//
// Anything else between fences is a mistake, and so is a command in an indented
// block. In what is printed, "…" stands for anything within its line, and a line
// that is nothing else for any number of lines; several blanks within a line count
// as one, so that tables may be wider or narrower, and those behind the commas of
// JSON as none. A command goes on in the next
// line after a backslash. A code that is not zero is all right when the next command
// asks for $?.
//
// A command that leaves something running (it has an &, or stays) is done when what
// stands below it has been printed; what comes later is not looked at. So
//
//	$ lockd trio &
//	…
//	three nodes, of which any may fail; try, elsewhere:
//	…
//
// goes on when the nodes serve.
//
// A page is a scene: one shell, in one empty folder, on a machine of its own, called
// web1, with its own network and processes, and with lockd, lockc and lockload on
// the PATH. Ports are what the page says, nothing else is reached, and all of it
// ends with the scene. The line
//
//	<!-- a new machine -->
//
// begins another scene; scenes run side by side. A fence within a comment is run
// and not shown: for what a scene needs and its reader has. There $CHECKOUT is the
// repository. Go files are built against it.
package docs

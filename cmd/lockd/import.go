package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"lockstep/cmd/internal/cli"
	"lockstep/remote"
	"lockstep/replica"
)

const aboutImport = `Stop both nodes of the pair first; they must have run with -durability fsync. -from has their
state directories, with a comma between; of two copies the newer one counts, and if there is
only one left, give that. The other node may have gone on without it, and -yes says that what
it granted may be lost; who was alone when it stopped needs no -yes. Locks, sessions and remembered answers are kept, and tokens go on
rising. Then start the node with the same -name, -peers and -data, and take the others in
with lockc cluster add. The nodes of the pair are marked and do not start any more: they
would grant the same locks. Their line says how to undo that.`

func (p *program) takeOver() cli.Command {
	return cli.Command{
		Verb: "import", Flags: []string{"from", "name", "peers", "data", "yes"},
		About: "make the first node of a cluster out of a pair that has stopped\n\n" + aboutImport,
		Examples: []string{
			"lockd import -from /var/lib/pair-p,/var/lib/pair-b -name a -peers a=127.0.0.1:7101 -data /var/lib/a",
		},
		Run:   func([]string) error { return p.runImport() },
		Check: p.checkImport,
	}
}

func (p *program) runImport() error {
	self := p.self()
	to, err := namedDir(p.data, self, p.Getenv)
	if err != nil {
		return err
	}
	from := strings.Split(p.from, ",")
	var seen []os.FileInfo
	for _, dir := range from {
		info, err := os.Stat(dir)
		if err != nil {
			return startFailure(err, "")
		}
		if slices.ContainsFunc(seen, func(one os.FileInfo) bool { return os.SameFile(one, info) }) {
			return cli.Misuse("-from has %s twice: one directory of each node of the pair is wanted", dir)
		}
		seen = append(seen, info)
		held, err := claim(dir, "a node of the pair")
		if err != nil {
			return err
		}
		defer func() { _ = held.Close() }()
	}
	got, err := remote.ImportPair(from, to, self.Name, replica.NodeID(self.Address), p.yes)
	if errors.Is(err, remote.ErrMayLose) {
		return cli.Fail(cli.Config, "%s; give both directories, or, if that one is lost for good, -yes: locks that it alone has granted are lost then", cli.Plain(err))
	}
	if err != nil {
		return startFailure(err, "")
	}
	_, err = fmt.Fprintf(p.Stdout, "%s has what %s had in view %d, up to entry %d; start it, and add the others\n", self.Name, got.Dir, got.View, got.Index)
	return err
}

package remote

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/actors"
	"lockstep/journal"
	"lockstep/replica"
)

// A log that is not this node's is refused in one line, and stays as it was.
func TestLogsOfOthersAreRefused(t *testing.T) {
	owner := journal.Header{Cluster: 5, Member: 7, Node: "a"}
	for name, c := range map[string]struct {
		identity        actors.Identity
		node            string
		durable, quorum bool
		want            string // empty: it is taken
	}{
		"its own":             {actors.Identity{Cluster: 5}, "a", true, true, ""},
		"without an identity": {actors.Identity{}, "a", true, true, ""},
		"before another one":  {actors.Identity{Cluster: 6, Former: 5}, "a", true, true, ""},
		"another cluster's":   {actors.Identity{Cluster: 6, Former: 4}, "a", true, true, "belongs to cluster 5, and this node to cluster 6"},
		"another node's":      {actors.Identity{Cluster: 5}, "b", true, true, "belongs to node a, not to b"},
		"a quorum's":          {actors.Identity{Cluster: 5}, "a", true, false, "of a cluster of three or more"},
		"without durability":  {actors.Identity{Cluster: 5}, "a", false, true, "-durability fsync"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := actors.SaveIdentity(dir, c.identity); err != nil {
				t.Fatal(err)
			}
			writeLog(t, dir, owner)
			before := files(t, dir)
			j, recovered, err := openLog(dir, c.node, c.durable, c.quorum)
			if c.want == "" {
				if err != nil || string(recovered.State) != "state" {
					t.Fatalf("recovered %+v, %v", recovered, err)
				}
				_ = j.Close()
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("want a line with %q, got %v", c.want, err)
			}
			if !maps.EqualFunc(before, files(t, dir), bytes.Equal) {
				t.Error("the directory has changed")
			}
		})
	}
}

func writeLog(t *testing.T, dir string, owner journal.Header) {
	t.Helper()
	j, _, _, err := journal.Open(journal.Dir(filepath.Join(dir, logDir)))
	if err == nil {
		err = j.Begin(owner)
	}
	if err == nil {
		err = j.Append(replica.Store{State: []byte("state")})
	}
	if err == nil {
		err = j.Sync()
	}
	if err == nil {
		err = j.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, pattern := range []string{"*", "log/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if content, err := os.ReadFile(path); err == nil {
				found[path] = content
			}
		}
	}
	return found
}

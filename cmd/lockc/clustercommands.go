package main

import "lockstep/cmd/internal/cli"

// clusterSettings are what the commands for operators take.
type clusterSettings struct {
	node string
	yes  bool
}

func (p *program) addClusterFlags() {
	cli.String(p.Flags, &p.node, "node", "", "the `address` of the node whose copy goes on")
	cli.Bool(p.Flags, &p.yes, "yes", "do it without asking")
}

var (
	ordering    = append([]string{"nodes"}, reaching...)
	patient     = map[string]string{"timeout": "the `time` after which lockc gives up waiting, and the nodes go on: 1m if nothing\nis said"}
	orderCodes  = []cli.Code{codeDone, codeUsage, codeUndone, codeUnprinted, codeVersions, codeOrder, codeLeftAlone}
	statusCodes = []cli.Code{
		{Code: cli.OK, Meaning: "answered by one node at least; warnings do not change that"},
		codeUsage,
		{Code: cli.Unavailable, Meaning: "no node answered in time"},
		codeUnprinted, codeVersions,
		{Code: cli.Interrupted, Meaning: "interrupted"},
	}

	codeDone      = cli.Code{Code: cli.OK, Meaning: "done, or it was so already"}
	codeUndone    = cli.Code{Code: cli.Unavailable, Meaning: "not done in time, or no primary was found; the nodes go on with what they have begun"}
	codeOrder     = cli.Code{Code: cli.NoPerm, Meaning: "refused by the nodes, which say why; nothing was changed"}
	codeLeftAlone = cli.Code{Code: cli.Interrupted, Meaning: "interrupted; the nodes go on with what they have begun"}
)

func (p *program) clusterListCommand() cli.Command {
	return cli.Command{
		Verb: "cluster list", Flags: append([]string{"nodes", "json"}, reaching...),
		About: `list the nodes that belong to the cluster

One that is catching up does not vote yet. ` + aboutJSON + `{"members": [{"name", "address",
"voter", "quiet"}]}. lockc status shows where each of them stands.`,
		Examples: []string{"lockc cluster list", "lockc cluster list -nodes 127.0.0.1:7102 --json | jq -r '.members[].address'"},
		Codes:    lookCodes,
		Run:      func([]string) error { return p.listMembers() },
	}
}

func (p *program) clusterAddCommand() cli.Command {
	own := map[string]string{"quiet": "it keeps its log and votes, but serves nobody, as it was started with -quiet"}
	own["timeout"] = patient["timeout"]
	return cli.Command{
		Verb: "cluster add", Names: []string{"NAME=ADDRESS"}, Flags: append([]string{"quiet"}, ordering...), Own: own,
		About: `take a node into the cluster, while clients go on

Start it first, on an empty directory and with the others in its list: lockd node -name d
-peers a=…,b=…,c=…,d=…. It is given everything, and votes once it has caught up. One change
at a time: a second one is refused until the first is over. To replace a dead node, add the
new one and remove the old one, in the order that lockc status leaves room for.

A pair becomes a cluster of three by it, at once. Both of its nodes have to be there, and
get their names from the new node's list: lockd node -name c -peers a=…,b=…,c=….`,
		Examples: []string{"lockc cluster add d=127.0.0.1:7104", "lockc cluster add e=far.example:7101 -quiet -timeout 10m"},
		Codes:    orderCodes,
		Run:      func(names []string) error { return p.addMember(names[0]) },
	}
}

func (p *program) clusterRemoveCommand() cli.Command {
	return cli.Command{
		Verb: "cluster remove", Names: []string{"NAME"}, Flags: ordering, Own: patient,
		About: `take a node out of the cluster for good

It ends by itself, if it lives; its directory is of no use any more. The primary hands over
first. It is refused if the nodes that are left and can be heard would be no majority.`,
		Examples: []string{"lockc cluster remove c"},
		Codes:    orderCodes,
		Run:      func(names []string) error { return p.removeMember(names[0]) },
	}
}

func (p *program) clusterBootstrapCommand() cli.Command {
	return cli.Command{
		Verb: "cluster bootstrap", Flags: append([]string{"node", "yes"}, reaching...),
		About: `begin a new cluster with what one node has, when a majority is lost for good

For when nothing else helps: what the lost nodes had answered and this one never got is
given up, and locks may have been granted there that this node knows nothing of. Tokens
go on rising. Without --yes it says what would be given up, and asks if there is a terminal.
The other nodes, should they come back, do not belong to it: empty their directories, start
them again, and add them.`,
		Examples: []string{"lockc cluster bootstrap -node 127.0.0.1:7102", "lockc cluster bootstrap -node 127.0.0.1:7102 --yes"},
		Codes:    orderCodes,
		Run:      func([]string) error { return p.bootstrap() },
	}
}

func (p *program) switchoverCommand() cli.Command {
	return cli.Command{
		Verb: "switchover", Names: []string{"NODE"}, Optional: true, Flags: ordering, Own: patient,
		About: `make another node the primary, without a failed request

NODE is its name or its address; without it, the backup that has the most takes over.
Sessions, leases and places in a queue go along, and clients see a short pause. SIGTERM
of the primary does the same before it stops.`,
		Examples: []string{"lockc switchover", "lockc switchover b", "lockc switchover 127.0.0.1:7102"},
		Codes:    orderCodes,
		Run: func(names []string) error {
			if len(names) == 0 {
				return p.switchover("")
			}
			return p.switchover(names[0])
		},
	}
}

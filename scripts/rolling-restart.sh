#!/usr/bin/env bash
# Restarts all nodes of a cluster, one after the other, while it serves: clients
# wait a little longer now and then, and notice nothing else. For a new version,
# put the new program in place first.
#
#   scripts/rolling-restart.sh NODES
#
# NODES is a file with a line for each node: its name, and the command that
# restarts it. The command has to stop the node with SIGTERM, so that it hands
# over, start it again, and return, such as
#
#   a   ssh ha systemctl restart lockd
#   b   ssh hb systemctl restart lockd
#   c   ssh hc systemctl restart lockd
#
# lockc finds the nodes as always: by LOCKC_NODES, which should name them all. The
# next node has its turn when lockc status says that any node may fail; the primary has
# its turn last, and hands over before. WITHIN says for how many seconds to wait
# for that, 60 if nothing is said.
set -euo pipefail

nodes=${1:?say which file lists the nodes, with the command that restarts each}
within=${WITHIN:-60}
lockc=${LOCKC:-lockc}

say() { echo "rolling restart: $*" >&2; }

# safe: every node answers, has everything, and any one of them may fail.
safe() { "$lockc" status --json | grep -q '"safe":true'; }

await_safe() {
  local deadline=$((SECONDS + within))
  until safe; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      say "$1: the cluster is not safe after $within s; the other nodes are left alone"
      "$lockc" status >&2
      exit 1
    fi
    sleep 0.2
  done
}

primary() { "$lockc" status | awk '$3 == "primary" { print $1 }'; }

restart() {
  say "$1"
  bash -c "$2" </dev/null
  await_safe "after the restart of $1"
}

declare -A commands
order=()
while read -r name command; do
  case $name in '' | '#'*) continue ;; esac
  [ -n "$command" ] || { say "$nodes: no command for $name"; exit 64; }
  commands[$name]=$command
  order+=("$name")
done <"$nodes"
[ ${#order[@]} -gt 0 ] || { say "$nodes lists no node"; exit 64; }

await_safe "before anything is done"
last=$(primary)
for name in "${order[@]}"; do
  [ "$name" = "$last" ] || restart "$name" "${commands[$name]}"
done
if [ -n "${commands[$last]:-}" ]; then
  # Who is the primary may have changed meanwhile.
  [ "$(primary)" != "$last" ] || "$lockc" switchover >&2
  await_safe "after the switch-over"
  restart "$last" "${commands[$last]}"
fi
say "all nodes were restarted"

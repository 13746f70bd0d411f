#!/usr/bin/env bash
# Makes the pictures in this folder from real runs. Needs Go and Debian's chromium.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT

go build -o "$work/bin/" ./cmd/lockd ./cmd/lockc
export PATH="$work/bin:$PATH" XDG_STATE_HOME="$work/state"

# show FILE: turns a transcript into a picture of a terminal, as tall as it is long.
show() {
  local lines width=1000
  lines=$(wc -l <"$1")
  {
    echo '<!doctype html><meta charset="utf-8"><style>
      body { margin: 0; background: #1d2430; }
      pre { margin: 0; padding: 18px 22px; color: #d7dde6; font: 15px/21px "DejaVu Sans Mono", monospace; white-space: pre-wrap; }
      .prompt { color: #7fc8a0; font-weight: bold; } .note { color: #8ea0b8; } .yes { color: #9bd27d; } .no { color: #e8a87c; }
    </style><pre>'
    sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' \
        -e 's/^\(\$ .*\)$/<span class="prompt">\1<\/span>/' -e 's/^\(# .*\)$/<span class="note">\1<\/span>/' \
        -e 's/\(reply: true\|PASS:\)/<span class="yes">\1<\/span>/' -e 's/\(reply: false\)/<span class="no">\1<\/span>/' "$1"
    echo '</pre>'
  } >"$1.html"
  snap "$1.html" "$2" "$width" $((lines * 21 + 40))
}

# snap PAGE PNG WIDTH HEIGHT
snap() {
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=2 \
    --window-size="$3,$4" --screenshot="$2" "file://$(realpath "$1")" >/dev/null 2>&1
  echo "made $2"
}

# run COMMAND...: shows the command as typed and what it printed.
run() {
  echo "\$ $*"
  "$@" 2>&1 || true
}

await_paired() {
  for _ in $(seq 200); do
    [ "$(lockc -nodes "$1,$2" status --json 2>/dev/null | grep -o '"paired":true' | wc -l)" = 2 ] && return
    sleep 0.05
  done
  echo "the nodes did not pair" >&2
  exit 1
}

# The terminal in which the primary is crashed and the backup still has the locks.
P=127.0.0.1:7201 B=127.0.0.1:7202
crash() {
  echo "\$ lockd -p $P $B &"
  lockd -p $P $B 2>"$work/p.log" & local primary=$!
  echo "\$ lockd -b $P $B &"
  lockd -b $P $B 2>"$work/b.log" & local backup=$!
  pids+=("$primary" "$backup")
  await_paired $P $B
  run lockc -l $P $B a
  run lockc -l $P $B b
  run lockc -l $P $B a
  run lockc -nodes $P,$B status
  echo "# the primary is crashed"
  echo '$ kill -9 %1'
  kill -9 "$primary"
  run lockc -l $P $B a
  run lockc -u $P $B b
  run lockc -l $P $B b
  run lockc -nodes $P,$B status
  echo "# it is started again, and catches up"
  echo "\$ lockd -p $P $B &"
  lockd -p $P $B 2>>"$work/p.log" & primary=$!
  pids+=("$primary")
  await_paired $P $B
  run lockc -nodes $P,$B status
  kill -9 "$primary" "$backup"
}
crash >"$work/crash" 2>/dev/null
show "$work/crash" img/crash.png

scenarios() {
  echo '$ go test ./tests -run TestScenarios -v'
  go test ./tests -run 'TestScenarios' -v 2>&1 | grep -E '^ *--- |^ok|^FAIL'
}
scenarios >"$work/scenarios"
show "$work/scenarios" img/scenarios.png

snap img/actors.svg img/actors.png 1180 640

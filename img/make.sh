#!/usr/bin/env bash
# Makes the pictures in this folder from real runs: all of them, or those that are named.
#
#   img/make.sh                     # all
#   img/make.sh run explain lease   # these
#
# Needs Go, jq, curl, Debian's chromium, and unshare, script, pgrep and ip (util-linux, procps, iproute2). Each
# terminal is that of a machine of its own making, which is called web1 and has its own network and process
# numbers: no picture shows the real one, no pair that runs there is in the way, and nothing is left behind.
set -euo pipefail

# --- pages and pictures

columns=120 # of the terminal

# show NAME: turns the transcript of that name into a picture of a terminal, as tall as it is long.
show() {
  local page="$work/$1.html" lines width
  read -r lines width < <(size "$work/$1")
  {
    echo '<!doctype html><meta charset="utf-8"><style>
      body { margin: 0; background: #1d2430; }
      pre { margin: 0; padding: 18px 22px; color: #d7dde6; font: 15px/21px "DejaVu Sans Mono", monospace;
            width: '$columns'ch; white-space: pre-wrap; word-break: break-all; }
      .prompt { color: #7fc8a0; font-weight: bold; } .note { color: #8ea0b8; } .yes { color: #9bd27d; } .no { color: #e8a87c; }
      .said { color: #e6d08a; }
      .sgr1 { font-weight: bold; } .sgr2 { color: #8ea0b8; } .sgr7 { color: #1d2430; background: #d7dde6; } .sgr31 { color: #e8857c; } .sgr34 { color: #7fb2f0; }
    </style><pre>'
    sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' \
        -e 's/\x1b\[0m/<\/span>/g' -e 's/\x1b\[\([0-9]*\)m/<span class="sgr\1">/g' \
        -e 's/^\(\$ .*\)$/<span class="prompt">\1<\/span>/' -e 's/^\(# .*\)$/<span class="note">\1<\/span>/' \
        -e 's/^\(lockc: .*\)$/<span class="said">\1<\/span>/' \
        -e 's/\(reply: true\|PASS:\)/<span class="yes">\1<\/span>/' -e 's/\(reply: false\)/<span class="no">\1<\/span>/' "$work/$1"
    echo '</pre>'
  } >"$page"
  snap "$page" "$1" "$width" $((lines * 21 + 40))
}

# size FILE: how many lines a transcript takes, and how many pixels its longest one.
size() {
  sed -e 's/\x1b\[[0-9]*m//g' "$1" | LC_ALL=C.UTF-8 awk -v columns=$columns '
    { n = length($0); lines += n > columns ? int((n + columns - 1) / columns) : 1; if (n > most) most = n }
    END { width = int((most < columns ? most : columns) * 9.04) + 48; print lines, width < 760 ? 760 : width }'
}

# snap PAGE NAME WIDTH HEIGHT
snap() {
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=2 \
    --user-data-dir="$work/chromium" --window-size="$3,$4" --screenshot="$img/$2.png" "file://$1" >/dev/null 2>&1
  echo "made img/$2.png"
}

# --- typing

# typed LINE: shows the line as it would be typed, and what it prints. With & at its end it goes on
# beside what follows, and $! is its process.
code=0
typed() {
  echo "\$ $1"
  code=0
  eval "$1" 2>&1 || code=$?
}

# looked LINE: the same at a terminal, where lockc has colours.
looked() {
  echo "\$ $1"
  script -qefc "$1" -E never /dev/null </dev/null | tr -d '\r' || true
}

# glimpsed LINE ROWS SECONDS: the same of one that fills a terminal until q is pressed, as it looks after a while.
glimpsed() {
  echo "\$ $1"
  { sleep "$3"; printf q; } | script -qefc "stty rows $2 cols $columns; $1" -E never /dev/null | tr -d '\r' |
    awk -v RS='\033\\[\\?2026l' '/\033\[\?2026h/ { page = $0 } END { print page }' |
    sed -e 's/.*\x1b\[?2026h//' -e 's/\x1b\[[HKJ]//g'
}

# status: the exit code of what was typed last.
status() {
  echo '$ echo $?'
  echo "$code"
}

await_paired() {
  for _ in $(seq 200); do
    [ "$(lockc -nodes "$1,$2" status --json 2>/dev/null | grep -o '"paired":true' | wc -l)" = 2 ] && return
    sleep 0.05
  done
  echo "the nodes did not pair" >&2
  exit 1
}

# await LINE: until it succeeds.
await() {
  for _ in $(seq 400); do
    eval "$1" >/dev/null 2>&1 && return
    sleep 0.05
  done
  echo "waited in vain for: $1" >&2
  exit 1
}

held() { await "lockc show $1 --json | jq -e '.holders | length > 0'"; }
waited() { await "lockc show $1 --json | jq -e '.waiters == $2'"; }

# The pair that the pictures share: a new one for each, without a past.
A=127.0.0.1:7101 B=127.0.0.1:7102
pair() {
  lockd pair >/dev/null 2>&1 &
  await_paired $A $B
}

# scripts are the commands that the pictures run.
scripts() {
  cat >deploy.sh <<'END'
#!/bin/sh
echo "deploying with token $LOCK_TOKEN"
sleep ${1:-4}
END
  cat >report.sh <<'END'
#!/bin/sh
echo "reporting with token $LOCK_TOKEN"
sleep ${1:-60} &   # a process of its own, of which nobody keeps track
wait
END
  chmod +x ./*.sh
}

# --- the pictures

# The primary is crashed, and the backup still has the locks.
crash() {
  local P=127.0.0.1:7201 B=127.0.0.1:7202 primary backup
  echo "\$ lockd -p $P $B &"
  lockd -p $P $B 2>/dev/null & primary=$!
  echo "\$ lockd -b $P $B &"
  lockd -b $P $B 2>/dev/null & backup=$!
  await_paired $P $B
  typed "lockc -l $P $B a"
  typed "lockc -l $P $B b"
  typed "lockc -l $P $B a"
  typed "lockc -nodes $P,$B status"
  echo "# the primary is crashed"
  echo '$ kill -9 %1'
  kill -9 "$primary"
  typed "lockc -l $P $B a"
  typed "lockc -u $P $B b"
  typed "lockc -l $P $B b"
  typed "lockc -nodes $P,$B status"
  echo "# it is started again, and catches up"
  echo "\$ lockd -p $P $B &"
  lockd -p $P $B 2>/dev/null & primary=$!
  await_paired $P $B
  typed "lockc -nodes $P,$B status"
  kill -9 "$primary" "$backup"
}

# A command under a lock, and who else sees it.
run() {
  pair
  typed 'lockc run deploy/web -- ./deploy.sh &'
  held deploy/web
  sleep 0.3
  looked 'lockc ls deploy/'
  looked 'lockc show deploy/web'
  typed 'lockc run -n deploy/web -- ./deploy.sh'
  status
  typed 'lockc run -w 30s deploy/web -- ./deploy.sh 1'
  status
  looked 'lockc ls'
}

# Shared locks, permits, several locks at once, folders, queues.
ls() {
  pair
  lockc run -q -s docs/index -- sleep 20 &
  lockc run -q -s docs/index -- sleep 21 &
  lockc run -q --permits 1/3 gpu -- sleep 22 &
  lockc run -q --permits 2/3 gpu -- sleep 23 &
  lockc run -q --and db/orders db/users -- sleep 24 &
  for name in docs/index gpu db/users db/orders; do held $name; done
  await "lockc show gpu --json | jq -e '.holders | length == 2'"
  await "lockc show docs/index --json | jq -e '.holders | length == 2'"
  lockc run -q docs/index -- ./deploy.sh >/dev/null &
  waited docs/index 1
  lockc run -q -s docs/index -- sleep 25 &
  waited docs/index 2
  lockc run -q --permits 1/3 gpu -- sleep 26 &
  waited gpu 1
  lockc lock maintenance >/dev/null
  looked 'lockc ls'
  looked 'lockc ls db/'
  looked 'lockc ls docs/ --waiters'
  looked 'lockc show gpu'
}

# Why can I not have it?
explain() {
  pair
  lockc run -q --max-hold 30m deploy/web -- ./deploy.sh 60 >/dev/null &
  held deploy/web
  lockc run -q deploy/web -- make restart &
  waited deploy/web 1
  looked 'lockc explain deploy/web'
  lockc run -q deploy/web -- true &
  waited deploy/web 2
  local me
  me=$(lockc show deploy/web --json | jq -r '.queue[1].session')
  echo '# the same, for a client that waits'
  looked "lockc explain deploy/web --session $me"
  (
    held db/users
    exec lockc run -q db/users -- ./deploy.sh
  ) >/dev/null 2>&1 &
  echo '# the same, under a lock for which somebody waits'
  typed "lockc run db/users -- sh -c 'sleep 1; lockc explain deploy/web'"
  typed 'lockc lock maintenance'
  looked 'lockc explain maintenance'
}

# Two runs inside two runs wait for each other.
deadlocks() {
  pair
  cat >nightly.sh <<'END'
#!/bin/sh
# nightly.sh LOCK...: takes one lock inside the other
sleep 1
lockc run --deadlock ${POLICY:-refuse} $1 -- true
echo "$LOCK_NAME, then $1: $?"
END
  chmod +x nightly.sh
  echo '# nightly.sh runs lockc run $1 inside: one takes a and then b, the other b and then a'
  typed 'lockc run a -- ./nightly.sh b & lockc run b -- ./nightly.sh a &'
  wait $(jobs -p | tail -n 2)
  echo '# the same, but the inner runs wait nevertheless, with --deadlock report'
  typed 'export POLICY=report'
  typed 'lockc run a -- ./nightly.sh b & lockc run b -- ./nightly.sh a &'
  await "lockc deadlocks --json | jq -e '.deadlocks | length == 1'"
  sleep 0.3
  looked 'lockc deadlocks'
  looked 'lockc explain a'
  typed 'lockc release --force b --reason "to end the circle"'
  await "lockc show a --json | jq -e '.holders | length == 0'"
  sleep 0.5
  looked 'lockc deadlocks'
}

# What happens, as it happens, while a lock is taken away.
watch() {
  pair
  echo '# one terminal'
  echo '$ lockc watch deploy/'
  lockc watch deploy/ >watched 2>&1 & local watcher=$!
  await 'grep -q began watched'
  (typed 'lockc run --max-hold 10m --lock-delay 2s deploy/web -- ./deploy.sh 60'; status) >holder 2>&1 &
  held deploy/web
  sleep 0.5
  (typed 'lockc run deploy/web -- ./deploy.sh 0'; status) >next 2>&1 & local next=$!
  waited deploy/web 1
  sleep 0.5
  (typed 'lockc release --force deploy/web --reason "stuck since noon, see OPS-7"') >operator 2>&1
  wait $next
  sleep 0.3
  kill -INT $watcher
  cat watched
  echo '# another: the holder'
  cat holder
  echo '# another: who waits for it'
  cat next
  echo '# another: the operator'
  cat operator
}

# The nodes fall silent: the command is gone before its lock can pass on.
lost() {
  local primary backup holder
  echo "\$ lockd -p $A $B &"
  lockd -p $A $B 2>/dev/null & primary=$!
  echo "\$ lockd -b $A $B &"
  lockd -b $A $B 2>/dev/null & backup=$!
  await_paired $A $B
  echo '# report.sh leaves a sleep 60 in the background'
  (typed 'lockc run --ttl 5s cron/report -- ./report.sh'; status) >holder 2>&1 & holder=$!
  held cron/report
  (
    typed 'lockc show cron/report'
    typed 'pgrep -a sleep'
    echo '# both nodes stand still, and nobody can be told that the run goes on'
    echo '$ kill -STOP %1 %2'
    kill -STOP $primary $backup
  ) >operator 2>&1
  wait $holder
  cat holder
  echo '# meanwhile, in another terminal'
  cat operator
  echo '# lockc has ended: nothing of it is left, and the nodes may go on'
  typed 'pgrep -a sleep || echo nobody'
  echo '$ kill -CONT %1 %2'
  kill -CONT $primary $backup
  typed 'lockc run cron/report -- ./report.sh 0'
  status
}

# One leads; when it dies another does.
elect() {
  pair
  cat >scheduler.sh <<'END'
#!/bin/sh
echo "$1 schedules with token $LOCK_TOKEN"
sleep 60
END
  chmod +x scheduler.sh
  typed 'lockc elect --ttl 2s scheduler -- ./scheduler.sh one &'
  local first=$!
  held scheduler
  sleep 0.3
  typed 'lockc elect --ttl 2s scheduler -- ./scheduler.sh two &'
  waited scheduler 1
  looked 'lockc ls --waiters'
  echo '# the first is killed, and its command with it'
  echo '$ kill -9 %1'
  kill -9 $first
  await "lockc show scheduler --json | jq -e '.waiters == 0'"
  sleep 0.5
  looked 'lockc ls'
  echo '# a leader that loses the lead becomes a candidate again'
  typed 'lockc release --force scheduler --reason "moving the scheduler"'
  await "lockc show scheduler --json | jq -e '.holders | length == 1'"
  sleep 1.5
}

# The clients, and the forms for programs.
sessions() {
  pair
  lockc run -q --ttl 30s --info ticket=OPS-7 deploy/web -- ./deploy.sh 60 >/dev/null &
  held deploy/web
  lockc run -q deploy/web -- make restart &
  waited deploy/web 1
  lockc run -q -s docs/index -- sleep 20 & local silent=$!
  held docs/index
  kill -STOP $silent
  sleep 7
  looked 'lockc sessions'
  looked 'lockc show deploy/web'
  typed 'lockc show deploy/web --json | jq ".holders[0]"'
}

# Loads of sessions, each short: what the figures are is for a machine that does nothing else.
load() {
  typed 'lockload handoff -clients 16 -spawn -duration 2s -quiet'
  typed 'lockload readers -clients 16 -spawn -duration 2s -quiet'
  typed 'lockload hold -spawn -duration 2s -quiet'
  typed 'lockload idle -sessions 500 -ttl 3s -spawn -duration 6s -quiet'
}

scenarios() {
  echo '$ go test ./tests -run TestScenarios -v'
  (cd "$img/.." && go test ./tests -run 'TestScenarios' -v 2>&1) | grep -E '^ *--- |^ok|^FAIL'
}

# as USER HOST COMMAND FLAGS NAME: somebody holds a lock, or waits for it, to run something.
as() {
  local who=(--info "user=$1" --info "host=$2" --info "command=$3")
  shift 3
  lockc run -q "${who[@]}" "$@" -- sleep 600 >/dev/null 2>&1 &
}

# crowded: three nodes with locks, queues, a deadlock, and a primary that was lost. $at is where one serves the API.
crowded() {
  local peers=a=127.0.0.1:7101,b=127.0.0.1:7102,c=127.0.0.1:7103 primary
  local -A address=([a]=7180 [b]=7181 [c]=7182) process
  begin() { lockd node -name "$1" -peers $peers -api "127.0.0.1:${address[$1]}" 2>/dev/null & process[$1]=$!; }
  for node in a b c; do begin $node; done
  await "lockc status --json | jq -e .safe"
  primary=$(lockc status --json | jq -r '.nodes[] | select(.role == "primary").node')

  # deploy/web has a past, and one from whom it was taken away.
  as dora web3 'make deploy' deploy/web
  held deploy/web
  sleep 3
  kill -TERM $!
  as erin laptop './deploy.sh --by-hand' deploy/web
  await "lockc show deploy/web --json | jq -e '.holders[0].info.user == \"erin\"'"
  sleep 5
  lockc release --force deploy/web --reason 'stuck since noon, see OPS-7' >/dev/null
  kill -9 "${process[$primary]}"
  await "lockc status --json | jq -e '.nodes[] | select(.role == \"primary\")'"
  begin "$primary"
  as alice ci1 'make deploy' --max-hold 30m deploy/web
  held deploy/web
  as bob web2 'make restart' deploy/web
  waited deploy/web 1
  as carol web3 'make restart' deploy/web

  as cron db1 backup --max-hold 2h cron/backup
  as cron db1 'report --orders' -s data/orders
  as cron db2 'report --stock' -s data/orders
  as grace gpu1 'python train.py' --permits 1/3 gpu
  as heidi gpu2 'python train.py' --permits 2/3 gpu
  as nightly db1 migrate --and db/orders db/users
  for name in cron/backup data/orders gpu db/users; do held $name; done
  await "lockc show gpu --json | jq -e '.holders | length == 2'"
  as ivan gpu3 'python eval.py' --permits 1/3 gpu
  as judy web1 'psql' db/users
  lockc lock maintenance >/dev/null

  # Two who wait for each other, and some who come and go, through the API: sessions there say who they are.
  local hourly weekly
  at=http://127.0.0.1:${address[$primary]}
  ask() { curl -sf -H 'Content-Type: application/json' -d "$2" "$at/lockstep.v1.LockService/$1"; }
  session() { ask OpenSession '{"ttl":"3600s","info":{"user":"'"$1"'","host":"'"$2"'","command":"'"$3"'"}}' | jq -r .session; }
  await 'ask Lock "{\"name\":\"maintenance\"}"'
  hourly=$(session hourly db2 stocktake) weekly=$(session weekly db3 reorder)
  take() { ask TryAcquire '{"session":"'"$1"'","name":"'"$2"'","slot":'"$3"',"number":1,"wait":"0.05s","terms":{"sequential":true,"allowDeadlock":true}}' >/dev/null; }
  take $hourly stock/a 1
  take $weekly stock/b 1
  take $hourly stock/b 2
  take $weekly stock/a 2
  for name in mallory niaj olivia; do
    (
      me=$(session $name ci$((RANDOM % 4)) 'make test')
      while sleep 0.4; do
        name=ci/build-$((RANDOM % 40))
        token=$(ask TryAcquire '{"session":"'"$me"'","name":"'$name'"}' | jq -r .token)
        sleep 0.2
        ask Release '{"session":"'"$me"'","name":"'$name'","token":"'"$token"'"}'
      done
    ) >/dev/null 2>&1 &
  done
  await "lockc deadlocks --json | jq -e '.deadlocks | length == 1'"
  await "lockc status --json | jq -e .safe"
}

# That, as a terminal shows it.
top() {
  crowded
  glimpsed 'lockc top' 36 6
}

# page: as a browser shows it.
page() {
  crowded
  local live='document.body.dataset.state === "live" && document.querySelector'
  local busy="$live('#timeline .gap') && document.querySelectorAll('#ticker li').length >= 10 && document.querySelector('[data-figure=deadlocks][data-bad]')"
  shot -height 1180 -await "$busy" "$at/" "$img/page-overview.png"
  shot -height 1180 -dark -await "$busy" "$at/" "$img/page-dark.png"
  shot -height 860 -await "$live('#tree [data-name=maintenance]')" "$at/#/locks" "$img/page-locks.png"
  shot -height 860 -await "$live('#tenures tr:nth-child(3)')" "$at/#/lock/deploy%2Fweb" "$img/page-lock.png"
  shot -height 900 -await "$live('#graph .edge[data-dead]')" "$at/#/waits" "$img/page-graph.png"
  shot -phone -width 360 -height 740 -await "$live('#tenures')" "$at/#/lock/deploy%2Fweb" "$img/page-phone.png"
}

# --- which are made, and how

# onMachine NAME: plays a picture on a machine of its own, and prints what is seen there.
onMachine() {
  mkdir -p "$work/$1.home"
  cd "$work/$1.home"
  export XDG_STATE_HOME="$work/$1.state" PATH="$work/bin:$PATH" TERM=xterm-256color
  unset "${!LOCKC_@}" "${!LOCKD_@}" "${!LOCKLOAD_@}"
  ip link set lo up
  hostname web1
  scripts
  "$1"
}

if [ "${1:-}" = --on-machine ]; then # we are called again, from below
  img=$2 work=$3
  onMachine "$4"
  exit
fi

cd "$(dirname "$0")/.."
img=$PWD/img work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/bin/" ./cmd/lockd ./cmd/lockc ./cmd/lockload
(cd tests/browser && go build -o "$work/bin/" ./shot)

# wanted NAME ALL...: whether a picture is to be made.
wanted() {
  local name=$1
  shift
  [ $# = 0 ] || [[ " $* " == *" $name "* ]]
}

# play NAME: plays a picture on a machine of its own.
play() {
  unshare --map-root-user --uts --net --pid --fork --kill-child --mount-proc \
    "$img/make.sh" --on-machine "$img" "$work" "$1" >"$work/$1" 2>"$work/$1.err" ||
    { cat "$work/$1" "$work/$1.err" >&2; exit 1; }
}

for name in crash run ls explain deadlocks watch lost elect sessions top load scenarios; do
  wanted $name "$@" || continue
  play $name
  show $name
done
if wanted page "$@"; then
  play page
  echo "made img/page-*.png"
fi
if wanted actors "$@"; then snap "$img/actors.svg" actors 1180 640; fi
if wanted lease "$@"; then snap "$img/lease.svg" lease 1180 600; fi

#!/bin/sh
# Takes a lock, is refused it a second time, and gives it back.
#
#     curl.sh http://127.0.0.1:7180 NAME
#     curl.sh unix:/run/lockstep/api.sock NAME
#
# LOCKSTEP_TOKEN is the token to show, if the nodes ask for one, and
# LOCKSTEP_TOKEN_FILE a file with it. CURL_CA_BUNDLE is whose certificates count.
set -eu
case $1 in
unix:*) url=http://node socket=${1#unix:} ;;
*) url=$1 socket= ;;
esac
name=$2

# secret says to curl what nobody is to see among its arguments.
secret() {
	shown=${LOCKSTEP_TOKEN:-$(cat "${LOCKSTEP_TOKEN_FILE:-/dev/null}")}
	if [ -n "$shown" ]; then printf 'header = "Authorization: Bearer %s"\n' "$shown"; fi
}

# call METHOD REQUEST: one POST. With --fail-with-body an error ends the script.
call() {
	secret | curl -sS --fail-with-body -K - ${socket:+--unix-socket "$socket"} \
		-H 'Content-Type: application/json' -d "$2" "$url/lockstep.v1.LockService/$1"
}

# field NAME: that field of the answer. (With jq: jq -r .NAME)
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

# Without a session one is opened, with a TTL of 10 s. It lives as long as it is
# heard of: call KeepAlive every few seconds to hold a lock for longer.
granted=$(call TryAcquire "{\"name\":\"$name\"}")
session=$(echo "$granted" | field session)
token=$(echo "$granted" | field token)
if [ -z "$token" ]; then
	echo "refused: $(echo "$granted" | field message)"
	exit 75
fi
echo "granted: session $session, token $token"

# A refusal is an answer and no error. It says who is in the way.
echo "refused: $(call TryAcquire "{\"name\":\"$name\"}" | sed 's/.*"message": *"\(\(\\.\|[^"\\]\)*\)".*/\1/')"

call KeepAlive "{\"session\":\"$session\"}" >/dev/null
call Release "{\"session\":\"$session\",\"name\":\"$name\",\"token\":\"$token\"}" >/dev/null
call CloseSession "{\"session\":\"$session\"}" >/dev/null
echo "released"

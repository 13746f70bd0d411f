#!/bin/sh
# The same as curl.sh through gRPC. grpcurl asks the node for the schema
# (reflection), so it needs no files.
#
#     grpcurl.sh 127.0.0.1:7180 NAME
set -eu
node=$1 name=$2
grpcurl=${GRPCURL:-grpcurl} # go run github.com/fullstorydev/grpcurl/cmd/grpcurl@latest

call() { $grpcurl -plaintext -d "$2" "$node" "$1"; }
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

# Can this node grant a lock now?
call grpc.health.v1.Health/Check '{"service":"lockstep.v1.LockService"}' | field status

granted=$(call lockstep.v1.LockService/TryAcquire "{\"name\":\"$name\"}")
session=$(echo "$granted" | field session)
token=$(echo "$granted" | field token)
echo "granted: session $session, token $token"

# Acquire is a stream: it says that it waits, and for whom, until it is granted.
# Here the caller gives up after a second, and nothing of its wait stays.
$grpcurl -plaintext -max-time 1 -d "{\"name\":\"$name\"}" "$node" lockstep.v1.LockService/Acquire 2>/dev/null |
	sed -n 's/.*"place": *\([0-9]*\).*/waiting: number \1/p'

call lockstep.v1.LockService/Release "{\"session\":\"$session\",\"name\":\"$name\",\"token\":\"$token\"}" | field released
call lockstep.v1.LockService/CloseSession "{\"session\":\"$session\"}" >/dev/null
echo "released"

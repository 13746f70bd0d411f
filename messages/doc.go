// Package messages is the wire: the protobuf schema, its generated code, and
// the way from plain values to bytes and back. It decides nothing.
package messages

//go:generate sh -c "go build -o ../bin/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go && protoc --plugin=../bin/protoc-gen-go --go_out=. --go_opt=paths=source_relative wire.proto"

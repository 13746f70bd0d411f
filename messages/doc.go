// Package messages is the wire: the protobuf schema and the way from plain
// values to bytes and back. It decides nothing.
//
// The schema is wire.proto. The package below this one, wire, is what protoc
// makes of it; only Frame is used from there, since proto.actor's remoting must
// be able to carry it. A frame's body and a snapshot are encoded and decoded by
// hand, straight from and into the structs that the other packages work with:
// every command of the service passes here several times. The tests hold the
// two against each other, field by field.
//
// The rules of the format:
//
//   - W1: fields are only added, with new numbers. A reader skips fields that it
//     does not know, and messages of a pair whose kind it does not know.
//   - W2: a verb, kind or outcome that the reader does not know is kept as it
//     is, so that whoever understands the message can refuse it by name. One
//     that is too large for its Go type becomes the type's largest value, which
//     no version uses, and never wraps into one that is in use. A slot likewise
//     becomes one that no session has, and permits become more than a lock has.
//   - W3: a change that an older reader must not skip raises the version, and
//     versions that are not Compatible refuse to talk. A parcel's Refused keeps
//     its number and meaning in every version, so that they can say why. To a
//     reader of an older version a writer says all in that version's words (As).
//   - W4: decoders never panic. What they allocate is at most some sixty times
//     as large as the input: an empty element takes two bytes there and a whole
//     struct here. Reports, which are larger still, are few in one parcel. An
//     error names the message, the field and the byte.
//   - W5: a field that has not the type of the schema is an error, and so are
//     two kinds in one PairMessage. Text is not checked to be UTF-8: one bad
//     name is for the lock table to refuse, not a reason to lose a whole frame.
package messages

//go:generate sh -c "go build -o ../bin/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go && protoc --plugin=../bin/protoc-gen-go --go_out=wire --go_opt=paths=source_relative wire.proto"

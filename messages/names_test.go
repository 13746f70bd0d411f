package messages

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"lockstep/messages/wire"
)

// TestErrorsNameTheField gives each field of the schema, in turn and wherever
// it can stand, a type that no field has. The error must name that field.
func TestErrorsNameTheField(t *testing.T) {
	parcel := new(wire.Parcel).ProtoReflect().Descriptor()
	forEachField(parcel, nil, func(f protoreflect.FieldDescriptor, body []byte) {
		_, err := decodeBody(body)
		checkNamed(t, f, err)
	})
	snapshot := new(wire.Snapshot).ProtoReflect().Descriptor()
	forEachField(snapshot, nil, func(f protoreflect.FieldDescriptor, body []byte) {
		_, err := DecodeSnapshot(body)
		checkNamed(t, f, err)
	})
	commands := new(wire.Commands).ProtoReflect().Descriptor()
	forEachField(commands, nil, func(f protoreflect.FieldDescriptor, body []byte) {
		_, err := new(Codec).DecodeCommands(append([]byte{commandsFormat}, body...))
		checkNamed(t, f, err)
	})
}

func checkNamed(t *testing.T, f protoreflect.FieldDescriptor, err error) {
	want := "messages: " + string(f.Parent().Name()) + "." + string(f.Name()) + ": "
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), errType.Error()) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// forEachField calls try with every field that is reachable from a message, and
// with a body in which that field has a wrong type. The path holds the numbers
// of the fields that the message stands in.
func forEachField(m protoreflect.MessageDescriptor, path []protowire.Number, try func(protoreflect.FieldDescriptor, []byte)) {
	fields := m.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		body := appendAnything(nil, f.Number(), protowire.Fixed32Type)
		for j := len(path) - 1; j >= 0; j-- {
			body = field(path[j], body...)
		}
		try(f, body)
		if inner := f.Message(); inner != nil {
			forEachField(inner, append(path, f.Number()), try)
		}
	}
}

package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// strictJSON has a request refused that says in JSON what there is not: connect's own
// codec would pass over it. Content types name the codec in two ways.
func strictJSON() connect.HandlerOption {
	return connect.WithHandlerOptions(connect.WithCodec(jsonCodec{"json"}), connect.WithCodec(jsonCodec{"json; charset=utf-8"}))
}

// jsonCodec reads and writes JSON. Whoever misspells a field, or the value of one that
// has names for them, must not be served as if he had left it out: he would get another
// lock than he wanted, or wait for another time.
type jsonCodec struct{ name string }

// Name implements connect.Codec, as the methods below do.
func (c jsonCodec) Name() string { return c.name }

func (c jsonCodec) Marshal(message any) ([]byte, error) { return c.MarshalAppend(nil, message) }

// MarshalAppend spares connect a copy.
func (jsonCodec) MarshalAppend(to []byte, message any) ([]byte, error) {
	m, ok := message.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message", message)
	}
	return protojson.MarshalOptions{}.MarshalAppend(to, m)
}

func (jsonCodec) Unmarshal(data []byte, message any) error {
	m, ok := message.(proto.Message)
	switch {
	case !ok:
		return fmt.Errorf("%T is no message", message)
	case len(data) == 0:
		return errors.New("there is none: the least is {}")
	}
	err := protojson.Unmarshal(data, m)
	if err == nil {
		return nil
	}
	if len(data) <= mostLookedThrough {
		if slip := slipIn(m.ProtoReflect().Descriptor(), data); slip != nil {
			return slip
		}
	}
	text := err.Error()
	return errors.New(strings.ToValidUTF8(text[:min(len(text), mostSaid)], ""))
}

// mostSaid is how many bytes an error has at most: it may go into a header, and has in it
// what the request has.
const mostSaid = 300

// mostLookedThrough is of how many bytes a request is at most that is looked through
// once more, for words that help: that costs several times as much as to refuse it,
// and people's are short.
const mostLookedThrough = 4 << 10

// slipIn finds the first name in a message of JSON that there is not, if there is such
// before the JSON breaks off.
func slipIn(in protoreflect.MessageDescriptor, data []byte) error {
	for name, value := range members(data) {
		field := in.Fields().ByJSONName(name)
		if field == nil {
			field = in.Fields().ByTextName(name)
		}
		if field == nil {
			return fmt.Errorf("%s has no field %.40q: %s", in.Name(), name, fieldMeant(in, name))
		}
		if field.IsMap() {
			continue // its names are the caller's
		}
		values := []json.RawMessage{value}
		if field.IsList() && json.Unmarshal(value, &values) != nil {
			continue
		}
		for _, v := range values {
			if slip := slipInValue(field, v); slip != nil {
				return slip
			}
		}
	}
	return nil
}

func slipInValue(field protoreflect.FieldDescriptor, value json.RawMessage) error {
	if sub := ours(field); sub != nil {
		return slipIn(sub, value)
	}
	enum := field.Enum()
	var name *string // null is none
	if enum == nil || json.Unmarshal(value, &name) != nil || name == nil || enum.Values().ByName(protoreflect.Name(*name)) != nil {
		return nil
	}
	return fmt.Errorf("%s has no value %.40q: %s", field.JSONName(), *name, meant(*name, namesOf(enum.Values())))
}

// ours is the message that a field is, unless JSON has a form of its own for it, as for
// lengths of time.
func ours(field protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	sub := field.Message()
	if sub == nil || field.IsMap() || sub.FullName().Parent() == "google.protobuf" {
		return nil
	}
	return sub
}

// fieldMeant says where a field is that is looked for in the wrong message, or what is
// called nearly as it is.
func fieldMeant(in protoreflect.MessageDescriptor, name string) string {
	var known []string
	for i := range in.Fields().Len() {
		field := in.Fields().Get(i)
		if sub := ours(field); sub != nil && !field.IsList() && (sub.Fields().ByJSONName(name) != nil || sub.Fields().ByTextName(name) != nil) {
			return fmt.Sprintf("it belongs into %q", field.JSONName())
		}
		known = append(known, field.JSONName())
	}
	return meant(name, known)
}

// members are those of an object of JSON, as far as it is one.
func members(data []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		d := json.NewDecoder(bytes.NewReader(data))
		if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
			return
		}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return
			}
			var value json.RawMessage
			if d.Decode(&value) != nil || !yield(name.(string), value) {
				return
			}
		}
	}
}

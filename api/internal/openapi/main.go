// Command openapi is a plug-in of protoc that describes a service as Connect's JSON
// shows it, in OpenAPI 3.1: one POST for each call, to /SERVICE/METHOD.
package main

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	protogen.Options{}.Run(func(p *protogen.Plugin) error {
		p.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		for _, file := range p.Files {
			if file.Generate {
				out := p.NewGeneratedFile("openapi.yaml", "")
				out.P("# Generated from " + file.Desc.Path() + ": do not edit.")
				describe(file).print(out, 0)
			}
		}
		return nil
	})
}

// describer gathers the messages that calls need, in the order of need.
type describer struct {
	schemas tree
	seen    map[protoreflect.FullName]bool
}

func describe(file *protogen.File) tree {
	d := &describer{seen: map[protoreflect.FullName]bool{}}
	var paths tree
	for _, s := range file.Services {
		for _, m := range s.Methods {
			paths.add("/"+string(s.Desc.FullName())+"/"+string(m.Desc.Name()), tree{{"post", d.call(m)}})
		}
	}
	// Nothing refers to what comes as a detail of an error.
	for _, m := range file.Messages {
		d.need(m)
	}
	d.schemas.add("connect.error", errorSchema())
	return tree{
		{"openapi", "3.1.0"},
		{"info", tree{{"title", "Lockstep"}, {"version", "v1"}, {"description", text(preamble(file))}}},
		{"servers", list{tree{{"url", "http://127.0.0.1:7180"}}}},
		{"paths", paths},
		{"components", tree{{"schemas", d.schemas}}},
	}
}

// syntaxPath is where the first line of a schema stands that has a comment.
var syntaxPath = protoreflect.SourcePath{12}

// preamble is what a file says before anything else.
func preamble(file *protogen.File) protogen.Comments {
	return protogen.Comments(file.Desc.SourceLocations().ByPath(syntaxPath).LeadingComments)
}

// json is the content of a message that is sent by itself.
const json = "application/json"

func (d *describer) call(m *protogen.Method) tree {
	about, content := text(m.Comments.Leading), json
	if m.Desc.IsStreamingServer() {
		content = "application/connect+json"
		about += "\n\nThe answers are a stream: each message has five bytes before it, a zero and its length (big-endian), as " +
			"has the request; the last one's first byte is 2, and it has an error if there was one. Libraries for Connect and gRPC do that."
	}
	answer := func(what string, content string, schema tree) tree {
		return tree{{"description", what}, {"content", tree{{content, tree{{"schema", schema}}}}}}
	}
	return tree{
		{"operationId", m.GoName},
		{"summary", first(about)},
		{"description", about},
		{"requestBody", tree{
			{"required", true},
			{"content", tree{{content, tree{{"schema", d.need(m.Input)}}}}},
		}},
		{"responses", tree{
			{"200", answer("The answer.", content, d.need(m.Output))},
			{"default", answer("It failed.", json, ref("connect.error"))},
		}},
	}
}

// first is the first sentence.
func first(about string) string {
	sentence, _, _ := strings.Cut(strings.ReplaceAll(about, "\n", " "), ". ")
	return strings.TrimSuffix(sentence, ".")
}

func ref(name string) tree { return tree{{"$ref", "#/components/schemas/" + name}} }

// need describes a message once, and refers to it.
func (d *describer) need(m *protogen.Message) tree {
	name := m.Desc.FullName()
	if d.seen[name] {
		return ref(string(name))
	}
	d.seen[name] = true
	at := len(d.schemas)
	d.schemas.add(string(name), nil) // its place, before those that it needs
	var properties tree
	for _, f := range m.Fields {
		properties.add(f.Desc.JSONName(), d.property(f))
	}
	schema := tree{{"type", "object"}}
	if about := text(m.Comments.Leading); about != "" {
		schema.add("description", about)
	}
	if len(properties) > 0 {
		schema.add("properties", properties)
	}
	d.schemas[at].value = schema
	return ref(string(name))
}

func (d *describer) property(f *protogen.Field) tree {
	schema := d.kind(f)
	if f.Desc.IsList() {
		schema = tree{{"type", "array"}, {"items", schema}}
	}
	about := text(f.Comments.Leading)
	if about == "" {
		about = text(f.Comments.Trailing)
	}
	if about != "" {
		schema.add("description", about)
	}
	return schema
}

func (d *describer) kind(f *protogen.Field) tree {
	switch f.Desc.Kind() {
	case protoreflect.BoolKind:
		return tree{{"type", "boolean"}}
	case protoreflect.Uint32Kind:
		return tree{{"type", "integer"}, {"minimum", 0}, {"maximum", 1<<32 - 1}}
	case protoreflect.Uint64Kind:
		return tree{{"type", "string"}, {"format", "uint64"}, {"pattern", "^[0-9]+$"}}
	case protoreflect.StringKind:
		return tree{{"type", "string"}}
	case protoreflect.EnumKind:
		var values list
		for _, v := range f.Enum.Values {
			values = append(values, string(v.Desc.Name()))
		}
		return tree{{"type", "string"}, {"enum", values}}
	case protoreflect.MessageKind:
		return d.message(f)
	default:
		panic("a kind of field that the API has not had so far: " + f.Desc.Kind().String())
	}
}

func (d *describer) message(f *protogen.Field) tree {
	switch {
	case f.Desc.IsMap():
		return tree{{"type", "object"}, {"additionalProperties", d.kind(f.Message.Fields[1])}}
	case f.Message.Desc.FullName() == "google.protobuf.Duration":
		return tree{{"type", "string"}, {"pattern", `^[0-9]+(\.[0-9]{1,9})?s$`}, {"examples", list{"2.5s"}}}
	case f.Message.Desc.FullName() == "google.protobuf.Timestamp":
		return tree{{"type", "string"}, {"format", "date-time"}}
	default:
		return d.need(f.Message)
	}
}

// errorSchema is what every failure is told as.
func errorSchema() tree {
	var codes list
	for _, code := range strings.Fields("canceled unknown invalid_argument deadline_exceeded not_found already_exists " +
		"permission_denied resource_exhausted failed_precondition aborted out_of_range unimplemented internal " +
		"unavailable data_loss unauthenticated") {
		codes = append(codes, code)
	}
	detail := tree{{"type", "object"}, {"properties", tree{
		{"type", tree{{"type", "string"}, {"description", "The name of a message: lockstep.v1.Failure, or lockstep.v1.Refusal."}}},
		{"value", tree{{"type", "string"}, {"description", "The message in protobuf's encoding, in base64 without padding."}}},
		{"debug", tree{{"description", "The message as JSON."}}},
	}}}
	return tree{{"type", "object"}, {"properties", tree{
		{"code", tree{{"type", "string"}, {"enum", codes}}},
		{"message", tree{{"type", "string"}, {"description", "For people."}}},
		{"details", tree{{"type", "array"}, {"items", detail}}},
	}}}
}

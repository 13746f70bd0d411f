package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/cmd/internal/cli"
)

// TestCollectorsThatCannotBeMeant: each mistake gets one line that names the flag or
// the variable and the way out, and the node is not started.
func TestCollectorsThatCannotBeMeant(t *testing.T) {
	for _, test := range []struct {
		flag, variable, value, want string
		code                        int
	}{
		{"127.0.0.1:4318", "", "", "-otlp 127.0.0.1:4318: want the URL of a collector", cli.Usage},
		{"http://me:secret@collector:4318", "", "", "leave the password out", cli.Usage},
		{"", "OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "OTEL_EXPORTER_OTLP_ENDPOINT: want the URL of a collector", cli.Config},
		{"", "OTEL_TRACES_EXPORTER", "jaeger", "OTEL_TRACES_EXPORTER is \"jaeger\", and there is only otlp here: set it to otlp or none", cli.Config},
		{"http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf", cli.Config},
	} {
		var said bytes.Buffer
		p := newProgram()
		p.Stderr = &said
		p.Getenv = func(name string) string {
			if name == test.variable {
				return test.value
			}
			return ""
		}
		args := []string{"node", "-name", "a", "-peers", "a=127.0.0.1:1,b=127.0.0.1:2", "-data", filepath.Join(t.TempDir(), "a")}
		if test.flag != "" {
			args = append(args, "-otlp", test.flag)
		}
		code := p.Main(args)
		if code != test.code || !strings.Contains(said.String(), test.want) || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("-otlp %s, %s=%s: exit code %d, said %q; want %q", test.flag, test.variable, test.value, code, &said, test.want)
		}
	}
}

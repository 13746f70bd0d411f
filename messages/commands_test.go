package messages

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"lockstep/lock"
)

func TestCommandsThereAndBack(t *testing.T) {
	var codec Codec
	for name, sent := range map[string][]lock.Command{
		"none": nil,
		"some": {sampleCommand("a"), sampleAcquire("b"), {}, {Verb: lock.Expire, Session: 7, Number: 1}},
	} {
		got, err := codec.DecodeCommands(codec.EncodeCommands(sent))
		if err != nil || !reflect.DeepEqual(got, sent) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

// A log keeps what the codec has made: it must not change with the next batch,
// and take no more memory than it needs.
func TestCommandsAreTheirOwn(t *testing.T) {
	var codec Codec
	first := codec.EncodeCommands([]lock.Command{sampleCommand("first")})
	kept := bytes.Clone(first)
	second := codec.EncodeCommands([]lock.Command{sampleCommand("other"), sampleAcquire("b")})
	if !bytes.Equal(first, kept) {
		t.Errorf("the first batch has become %q", first)
	}
	if spare := cap(second) - len(second); spare > len(second)/4 {
		t.Errorf("a batch of %d bytes has %d to spare", len(second), spare)
	}
}

func TestBrokenCommands(t *testing.T) {
	whole := new(Codec).EncodeCommands([]lock.Command{sampleAcquire("a")})
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"nothing":        {nil, "messages: Commands: at byte 0: there is no format"},
		"a newer format": {append([]byte{2}, whole[1:]...), "messages: Commands: at byte 0: the format is 2, and this program reads 1 only"},
		"cut":            {whole[:len(whole)-1], "messages: Commands.commands: at byte 4: "},
		"one too many":   {append(bytes.Clone(whole), 0x0a, 1), "messages: Commands.commands: at byte "},
	} {
		got, err := new(Codec).DecodeCommands(c.b)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || got != nil {
			t.Errorf("%s:\ngot  %v, %v\nwant %s", name, got, err, c.want)
		}
	}
}

func TestCommandsTakeLittleMemory(t *testing.T) {
	for name, body := range map[string][]byte{
		"empty commands": append([]byte{commandsFormat}, repeated(0x0a, 0)...),
		"empty terms":    append([]byte{commandsFormat}, repeated(0x0a, 2, 0x52, 0)...),
	} {
		checkMemory(t, name, body, func() { _, _ = new(Codec).DecodeCommands(body) })
	}
}

func benchBatch() (commands []lock.Command) {
	for i := range benchItems {
		commands = append(commands, benchCommand(i))
	}
	return commands
}

func BenchmarkEncodeCommands(b *testing.B) {
	var codec Codec
	batch := benchBatch()
	b.ReportAllocs()
	for b.Loop() {
		codec.EncodeCommands(batch)
	}
	reportPerCommand(b)
}

func BenchmarkDecodeCommands(b *testing.B) {
	var codec Codec
	body := codec.EncodeCommands(benchBatch())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.DecodeCommands(body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(body))/benchItems, "B/command")
	reportPerCommand(b)
}

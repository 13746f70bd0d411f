package messages

import (
	"bytes"
	"testing"

	"lockstep/lock"
)

// Whatever can be decoded can be encoded again, and from then on nothing
// changes any more.

func FuzzDecode(f *testing.F) {
	f.Add(appendParcel(nil, sampleParcel()))
	f.Add([]byte{0x1a, 3, 0xfa, 0x07, 0})
	f.Add([]byte{0x7b, 8, 1, 0x7c})
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := decodeBody(body)
		if err != nil {
			checkForm(t, err)
			return
		}
		once := appendParcel(nil, &first)
		second, err := decodeBody(once)
		if err != nil {
			t.Fatalf("what we encoded cannot be decoded: %v", err)
		}
		if twice := appendParcel(nil, &second); !bytes.Equal(once, twice) {
			t.Fatalf("%x became %x", once, twice)
		}
	})
}

func FuzzDecodeSnapshot(f *testing.F) {
	f.Add(EncodeSnapshot(sampleSnapshot()))
	f.Add([]byte{0x22, 2, 0x1a, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := DecodeSnapshot(body)
		if err != nil {
			checkForm(t, err)
			return
		}
		once := EncodeSnapshot(first)
		second, err := DecodeSnapshot(once)
		if err != nil {
			t.Fatalf("what we encoded cannot be decoded: %v", err)
		}
		if twice := EncodeSnapshot(second); !bytes.Equal(once, twice) {
			t.Fatalf("%x became %x", once, twice)
		}
	})
}

func FuzzDecodeCommands(f *testing.F) {
	var codec Codec
	f.Add(codec.EncodeCommands([]lock.Command{sampleCommand("a"), sampleAcquire("b"), {}}))
	f.Add([]byte{1, 0x7b, 8, 1, 0x7c})
	f.Fuzz(func(t *testing.T, body []byte) {
		var codec Codec
		first, err := codec.DecodeCommands(body)
		if err != nil {
			checkForm(t, err)
			return
		}
		once := codec.EncodeCommands(first)
		second, err := codec.DecodeCommands(once)
		if err != nil {
			t.Fatalf("what we encoded cannot be decoded: %v", err)
		}
		if twice := codec.EncodeCommands(second); !bytes.Equal(once, twice) {
			t.Fatalf("%x became %x", once, twice)
		}
	})
}

func checkForm(t *testing.T, err error) {
	if !errorForm.MatchString(err.Error()) {
		t.Errorf("the error names no message: %v", err)
	}
}

package journal_test

import (
	"bytes"
	"maps"
)

// sameFiles compares what counts: a snapshot that was never finished does not.
func sameFiles(a, b map[string][]byte) bool {
	for _, files := range []map[string][]byte{a, b} {
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return bytes.HasSuffix([]byte(name), []byte(".new")) })
	}
	return maps.EqualFunc(a, b, bytes.Equal)
}

package main

import "errors"

// durability says when an entry counts.
type durability uint8

const (
	undecided durability = iota // what suits the command
	fsync
	memory
)

func parseDurability(s string) (durability, error) {
	switch s {
	case "":
		return undecided, nil
	case "fsync":
		return fsync, nil
	case "memory":
		return memory, nil
	default:
		return undecided, errors.New("want one of fsync, memory")
	}
}

// orElse reports whether entries go to disk first, if need be by a default.
func (d durability) orElse(def durability) bool {
	if d == undecided {
		d = def
	}
	return d == fsync
}

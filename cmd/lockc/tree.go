package main

import (
	"strings"

	"lockstep"
)

// listing is what ls shows: names form a tree by "/", and one floor of it is
// shown. Its JSON form is stable.
type listing struct {
	Prefix  string              `json:"prefix"`
	Folders []folder            `json:"folders"`
	Locks   []lockstep.LockInfo `json:"locks"`
}

// folder is all that has a further "/" behind the prefix.
type folder struct {
	Name    string `json:"name"` // with the "/"
	Locks   int    `json:"locks"`
	Waiters int    `json:"waiters"`
}

func newListing(prefix string) *listing {
	return &listing{Prefix: prefix, Folders: []folder{}, Locks: []lockstep.LockInfo{}}
}

// add counts a lock of a folder, and keeps one that is in none: a table of
// millions is shown in the space of one floor. Names come in order.
func (l *listing) add(lock lockstep.LockInfo) {
	rest := strings.TrimPrefix(lock.Name, l.Prefix)
	at := strings.IndexByte(rest, '/')
	if at < 0 {
		l.Locks = append(l.Locks, lock)
		return
	}
	name := l.Prefix + rest[:at+1]
	if n := len(l.Folders); n == 0 || l.Folders[n-1].Name != name {
		l.Folders = append(l.Folders, folder{Name: name})
	}
	last := &l.Folders[len(l.Folders)-1]
	last.Locks++
	last.Waiters += lock.Waiters
}

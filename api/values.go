package api

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
)

// How values of the wire become those of the table, and back.

// sessionText is empty for what has no session, as ownerless locks.
func sessionText(id lock.SessionID) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("%016x", uint64(id))
}

// sessionOf reads what sessionText writes, and refuses what names none.
func sessionOf(text string) (lock.SessionID, error) {
	n, err := strconv.ParseUint(text, 16, 64)
	switch {
	case text == "":
		return 0, invalid("the session is missing: OpenSession opens one")
	case err != nil || n == 0 || len(text) != 16:
		return 0, invalid("%.40q names no session: want 16 hexadecimal digits, as OpenSession gives", text)
	default:
		return lock.SessionID(n), nil
	}
}

// millisOf rounds up: what was asked for is the least that is meant. What is
// negative, or longer than any limit, is none.
func millisOf(what string, d *durationpb.Duration) (lock.Millis, error) {
	if d == nil {
		return 0, nil
	}
	length := d.AsDuration()
	if d.CheckValid() != nil || length < 0 {
		return 0, invalid("%s is no length of time: want a number of seconds, in JSON such as \"2.5s\"", what)
	}
	return lock.Millis((length + time.Millisecond - 1) / time.Millisecond), nil
}

// span is absent for nothing.
func span(m lock.Millis) *durationpb.Duration {
	if m == 0 {
		return nil
	}
	return durationpb.New(time.Duration(m) * time.Millisecond)
}

// lastMoment is the last that JSON can say: a node whose clock is far astray must not
// make an answer with many others unsayable.
const lastMoment lock.Millis = 253_402_300_799_999

// moment is absent if it is not known, or none.
func moment(m lock.Millis) *timestamppb.Timestamp {
	if m == 0 || m > lastMoment {
		return nil
	}
	return timestamppb.New(time.UnixMilli(int64(m)))
}

func modeCard(m lock.Mode) pb.Mode {
	switch m {
	case lock.Shared:
		return pb.Mode_MODE_SHARED
	case lock.Counted:
		return pb.Mode_MODE_PERMITS
	default:
		return pb.Mode_MODE_EXCLUSIVE
	}
}

// modeOf reads a mode; what it does not know, the table refuses.
func modeOf(m pb.Mode, permits, of uint32) lock.Mode {
	switch m {
	case pb.Mode_MODE_UNSPECIFIED:
		if permits != 0 || of != 0 {
			return lock.Counted
		}
		return lock.Exclusive
	case pb.Mode_MODE_EXCLUSIVE:
		return lock.Exclusive
	case pb.Mode_MODE_SHARED:
		return lock.Shared
	case pb.Mode_MODE_PERMITS:
		return lock.Counted
	default:
		return lock.Counted + 1
	}
}

func infoOf(all map[string]string) (lock.Info, error) {
	info, err := lock.NewInfo(all)
	if err != nil {
		return "", invalid("%v", err)
	}
	return info, nil
}

// named refuses what cannot be the name of a lock.
func named(name string) error {
	if limit := lock.CheckName(name); limit != lock.NoLimit {
		return invalid("%s", limit)
	}
	return nil
}

// begins refuses what no name of a lock begins with.
func begins(prefix string) error {
	if prefix == "" {
		return nil
	}
	return named(prefix)
}

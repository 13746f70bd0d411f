package api

import (
	"context"

	pb "lockstep/api/lockstep/v1"
)

// Caller is who makes a request, as far as that is known.
type Caller struct {
	Principal string // empty: nobody is asked who they are
	May       []Permission
}

// Permission is a right to the locks that a pattern has in it: a name, or with a *
// at its end all that begin so.
type Permission struct {
	Right   Right
	Pattern string
}

// Right is what somebody may do with locks.
type Right uint8

// The rights, each including those before it. Their values are those on the wire.
const (
	Read  Right = 1
	Lock  Right = 2
	Admin Right = 3
)

// anybody may do everything where there are no doors.
var anybody = Caller{May: []Permission{{Admin, "*"}}}

func (s *service) WhoAmI(ctx context.Context, _ *pb.WhoAmIRequest) (*pb.WhoAmIResponse, error) {
	caller := anybody
	if s.who != nil {
		caller = s.who(ctx)
	}
	return &pb.WhoAmIResponse{Principal: caller.Principal, May: each(caller.May, func(p Permission) *pb.Permission {
		return &pb.Permission{Right: pb.Permission_Right(p.Right), Pattern: p.Pattern}
	})}, nil
}

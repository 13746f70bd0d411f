package api

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
	"lockstep/replica"
)

// kind is one way in which a request fails: what each protocol calls it, and what
// its client may conclude.
type kind struct {
	is          error // matched with errors.Is
	code        connect.Code
	reason      pb.Failure_Reason
	text        string
	notExecuted bool
}

// kinds are in the order of looking: an error may be several of them.
var kinds = []kind{
	{replica.ErrSessionExpired, connect.CodeNotFound, pb.Failure_REASON_SESSION_EXPIRED,
		"there is no such session any more, and all that it held is free", false},
	{replica.ErrStale, connect.CodeFailedPrecondition, pb.Failure_REASON_STALE,
		"the slot has gone on to a higher number: there is no answer to this one any more", false},
	{replica.ErrPair, connect.CodeInvalidArgument, pb.Failure_REASON_INVALID,
		fmt.Sprintf("a slot is 0 to %d, and a number 1 to %d; they go with a session", MaxSlot, MaxNumber), true},
	{replica.ErrBusy, connect.CodeResourceExhausted, pb.Failure_REASON_BUSY,
		"too much is under way at this node: ask later, or another one", true},
	{replica.ErrNoQuorum, connect.CodeUnavailable, pb.Failure_REASON_NO_QUORUM,
		"no quorum: the nodes that answer know of no primary", false},
	{replica.ErrClosed, connect.CodeUnavailable, pb.Failure_REASON_STOPPING,
		"this node is about to end: ask another one", false},
	{replica.ErrUnknown, connect.CodeAborted, pb.Failure_REASON_UNKNOWN,
		"no definite answer came: it was executed once or never", false},
	{context.DeadlineExceeded, connect.CodeDeadlineExceeded, pb.Failure_REASON_NO_ANSWER, "no answer came in time", false},
	{context.Canceled, connect.CodeCanceled, pb.Failure_REASON_NO_ANSWER, "the caller has gone", false},
}

// failure says in the words of the protocols what the backend says.
func failure(err error) error {
	var limit *replica.LimitError
	var incompatible *replica.IncompatibleError
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(*connect.Error)):
		return err
	case errors.As(err, &limit) && limit.Limit.OfState():
		return failed(connect.CodeResourceExhausted, pb.Failure_REASON_LIMIT, true, limit.Limit.String())
	case errors.As(err, &limit):
		return invalid("%s", limit.Limit)
	case errors.As(err, &incompatible):
		return failed(connect.CodeUnavailable, pb.Failure_REASON_INCOMPATIBLE, false,
			fmt.Sprintf("node %s does not talk to this one: %s", incompatible.Node, incompatible.Reason))
	}
	for _, k := range kinds {
		if errors.Is(err, k.is) {
			return failed(k.code, k.reason, k.notExecuted, k.text)
		}
	}
	return connect.NewError(connect.CodeInternal, err)
}

// plain is what a failure says to people.
func plain(err error) string {
	var failed *connect.Error
	if errors.As(failure(err), &failed) {
		return failed.Message()
	}
	return err.Error()
}

// invalid refuses what was not understood.
func invalid(format string, args ...any) error {
	return failed(connect.CodeInvalidArgument, pb.Failure_REASON_INVALID, true, fmt.Sprintf(format, args...))
}

// doorReasons are why a door refuses, by the code that it answers with.
var doorReasons = map[connect.Code]pb.Failure_Reason{
	connect.CodeUnauthenticated:   pb.Failure_REASON_UNAUTHENTICATED,
	connect.CodePermissionDenied:  pb.Failure_REASON_FORBIDDEN,
	connect.CodeResourceExhausted: pb.Failure_REASON_QUOTA,
	connect.CodeInvalidArgument:   pb.Failure_REASON_INVALID,
}

// Denied is how a door before the service refuses a request, which was not
// executed: CodeUnauthenticated, CodePermissionDenied, CodeResourceExhausted for
// what is due to whoever asks, or CodeInvalidArgument.
func Denied(code connect.Code, why error) error {
	return failed(code, doorReasons[code], true, why.Error())
}

func failed(code connect.Code, reason pb.Failure_Reason, notExecuted bool, text string, more ...proto.Message) error {
	err := connect.NewError(code, errors.New(text))
	for _, m := range append([]proto.Message{&pb.Failure{Reason: reason, NotExecuted: notExecuted}}, more...) {
		detail, wrong := connect.NewErrorDetail(m)
		if wrong != nil {
			panic("api: a detail that cannot be encoded: " + wrong.Error())
		}
		err.AddDetail(detail)
	}
	return err
}

// refusedAsError is for those who asked with or_fail. Of a pair the refusal is
// remembered: it was executed, and whoever asks with it again gets the same.
func refusedAsError(r *pb.Refusal, number lock.Number) error {
	return failed(connect.CodeFailedPrecondition, pb.Failure_REASON_REFUSED, number == 0, r.GetMessage(), r)
}

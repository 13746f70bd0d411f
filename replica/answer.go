package replica

import "lockstep/lock"

// AnswerKind says what a client may conclude from an answer (design section 7).
type AnswerKind uint8

// The kinds. Their values are those on the wire.
const (
	Executed   AnswerKind = 1 // Result is final
	NotPrimary AnswerKind = 2 // this attempt was not executed; ask Hint
	Overloaded AnswerKind = 3 // this attempt was not executed; ask again later
	Moved      AnswerKind = 4 // outcome unknown; ask Hint with the same number
	NoQuorum   AnswerKind = 5 // this attempt was not executed; the node knows of no primary
)

// Answer is what a node replies to one request.
type Answer struct {
	Request lock.RequestID
	Kind    AnswerKind
	Result  lock.Result // with Executed
	Hint    NodeID      // with NotPrimary and Moved; may be empty
}

// Reported is what a node replies to one inquiry.
type Reported struct {
	ID     InquiryID
	Kind   AnswerKind
	Report lock.Report // with Executed
	Hint   NodeID      // with NotPrimary and Moved; may be empty
}

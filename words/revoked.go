package words

import "lockstep/lock"

// Revoked says what became of a Revoke that was executed, in the books of what
// operators did.
func Revoked(outcome lock.Outcome) string {
	switch outcome {
	case lock.Released:
		return "released"
	case lock.NotHeld:
		return "was free"
	default:
		return "refused"
	}
}

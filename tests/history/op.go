package history

import "fmt"

// Kind says what a client did.
type Kind uint8

// The kinds.
const (
	Acquire       Kind = iota // an exclusive lease, at once or after waiting
	AcquireShared             // a shared one
	Release                   // of the lease with Token
	Lose                      // of the lease with Token: the client was told that it is lost
	Lock                      // the lab's ownerless verbs
	Unlock
)

var kindWords = [...]string{"acquire", "acquire shared", "release", "lose", "lock", "unlock"}

func (k Kind) String() string { return kindWords[k] }

// Answer says how an operation ended.
type Answer uint8

// The answers.
const (
	Unknown Answer = iota // none came: it may take effect at any time, or never
	Yes                   // granted, released
	No                    // refused, nothing to release
)

var answerWords = [...]string{"?", "yes", "no"}

func (a Answer) String() string { return answerWords[a] }

// Op is one operation of one client.
type Op struct {
	Client int
	Kind   Kind
	Name   string
	Token  uint64 // of the grant; with an unknown Acquire, any number that no other has
	Answer Answer
	Call   int64 // nanoseconds
	Return int64 // never reached, if the answer is unknown or the operation is Lose
}

// String tells about an operation in one line.
func (o Op) String() string {
	token := ""
	if o.Token != 0 {
		token = fmt.Sprintf(" token %x", o.Token)
	}
	return fmt.Sprintf("%9.3fs..%9.3fs client %d: %s %s: %s%s",
		seconds(o.Call), seconds(o.Return), o.Client, o.Kind, o.Name, o.Answer, token)
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }

// Package access says who may do what: principals, the tokens that they are known
// by, rules, and limits, all from one file; and it keeps count of who takes more
// than is due. It is pure: what it is told comes from its callers, the time too.
//
// The file has a line for each thing that it says, and # begins a comment:
//
//	token  ci       sha256:7d9f…              # lockd token new ci prints this line
//	allow  ci       lock   deploy/*           # names that begin with deploy/
//	allow  alice    admin  *                  # every name, and the cluster
//	allow  *        read   "public notes/*"   # everybody who is known
//	limit  ci       rate=50 burst=100 open=64 sessions=16
//	limit  *        rate=500                  # everybody else, each by itself
//
// A principal is the name that a token stands for, or the common name of a
// client's certificate. Without any allow, whoever is known may do everything;
// with one, only what is allowed. Admin includes lock, which includes read. Without
// any limit DefaultLimits count; a line with limit takes the place of all of them.
package access

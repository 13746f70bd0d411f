package lock

// Digest is a fingerprint of a table's state. It is a sum over the hashes of
// what the table holds, so that every change moves it in constant time and the
// order of changes does not matter. It finds replicas that came apart; it does
// not withstand somebody who forges a state on purpose.
type Digest uint64

func (d *Digest) add(h uint64)    { *d += Digest(h) }
func (d *Digest) remove(h uint64) { *d -= Digest(h) }

// Digest returns the fingerprint of the state after the last entry.
func (t *Table) Digest() Digest { return t.digest }

// Each kind of element has a seed of its own, so that no two kinds can stand in
// for each other.
const (
	seedCounter uint64 = iota + 1
	seedLock
	seedSession
	seedSlot
	seedRevocation
	seedGrant
	seedWait
	seedDelay
)

// An unused counter or slot hashes to nothing, so that an empty table has
// digest zero however it became empty.
func ofCounter(last uint64) uint64 {
	if last == 0 {
		return 0
	}
	return mix(seedCounter, last)
}

func ofLock(name string, token Token) uint64 {
	return mix(seedLock, hashName(name), uint64(token))
}

func ofSession(s *session) uint64 {
	return mix(seedSession, uint64(s.id), uint64(s.nonce), uint64(s.ttl), uint64(s.since), hashName(string(s.info)))
}

// ofRevocation hashes the i-th of those that the session remembers. It stays the
// same when later ones push that one forward: so each costs itself alone.
func ofRevocation(s *session, i int) uint64 {
	r := s.revocations[i]
	nth := int(s.revoked) - len(s.revocations) + i
	return mix(seedRevocation, uint64(s.id), uint64(nth), uint64(r.Token), uint64(r.Kind), hashName(r.Reason))
}

func ofSlot(s *session, i Slot) uint64 {
	last := s.slots.at(i)
	if last.number == 0 {
		return 0
	}
	h := mix(seedSlot, uint64(s.id), uint64(i), uint64(last.number),
		uint64(last.outcome)<<8|uint64(last.limit), uint64(last.token))
	if last.outcome == Deadlock {
		h = mix(h, hashName(s.cycles[i]))
	}
	return h
}

func ofGrant(g *claim) uint64 {
	return mix(seedGrant, uint64(g.token), uint64(g.count), ofClaim(g))
}

func ofWait(w *claim) uint64 {
	return mix(seedWait, uint64(w.more.queued), uint64(w.slot), ofClaim(w))
}

// ofClaim hashes what a grant and a wait have in common.
func ofClaim(c *claim) uint64 {
	h := mix(uint64(c.session.id), uint64(c.since), hashName(c.lock.name), uint64(c.mode))
	m := c.more
	if m == nil || m.plain() {
		return h
	}
	h = mix(h, hashName(string(m.info)), uint64(m.maxHold), uint64(m.lockDelay), uint64(len(m.parts)))
	for _, p := range m.parts {
		h = mix(h, hashName(p.lock.name), uint64(p.mode), uint64(p.permits), uint64(p.of))
	}
	for _, k := range m.under {
		h = mix(h, uint64(k.token))
	}
	return h
}

func ofDelay(name string, lost Token, span Millis) uint64 {
	return mix(seedDelay, hashName(name), uint64(lost), uint64(span))
}

// mix folds words into one, each through the finalizer of SplitMix64 (Steele,
// Lea and Flood, 2014), which spreads every bit over all of them.
func mix(words ...uint64) uint64 {
	h := uint64(0)
	for _, w := range words {
		h ^= w
		h += 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// hashName is FNV-1a; unlike hash/maphash it is the same in every process, and
// unlike hash/fnv it needs no copy of the name.
func hashName(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

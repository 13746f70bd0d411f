package replica

import "lockstep/lock"

// splitMix is the generator of Steele, Lea and Flood (2014). It is here so that
// a client's nonces and delays are a function of its seed.
type splitMix uint64

func (s *splitMix) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// nonce returns a random number that is not zero, which would be no number.
func (s *splitMix) nonce() lock.Number {
	for {
		if n := lock.Number(s.next()); n != 0 {
			return n
		}
	}
}

// around returns ticks with a quarter more or less at random, and at least one:
// clients that failed together shall not come back together.
func (s *splitMix) around(ticks int) int {
	span := ticks / 4
	offset := int(s.next()%uint64(2*span+1)) - span
	return max(1, ticks+offset)
}

// Package remote is the network: the door through which everything arrives, the
// links through which everything leaves, the guard in front of both, and the
// address book. It decides nothing about locks or roles.
//
// A process has one Process. It implements actors.Mail for the actors that want
// to send, and delivers what arrives to the actors that were named to it by
// Serve and Enroll. Two transports carry the frames: proto.actor's remoting
// (Start) and, for tests, an in-process network without sockets (Network). The
// door, the links, the handshake and the credit are the same over both.
//
// The rules of the conversation between two processes A and B:
//
//   - N1: A frame counts only if its Proof is the number that the receiver sent
//     to the address that the frame claims to come from. Whoever wants to forge
//     an address must therefore be able to listen on it.
//   - N2: A frame whose ToIncarnation is zero is a knock: its sender has not heard
//     the receiver on this connection. It is answered by a bare frame, which
//     returns the knock's Challenge as Proof and carries the receiver's own. A
//     frame with a wrong proof is answered the same way, but rarely: such answers
//     make this process dial an address that a stranger chose.
//   - N3: What a process knows of another (its life, its challenge) comes from
//     proven frames only.
//   - N4: Every new connection begins with a knock that carries a new Challenge,
//     and a link sends parcels only after that challenge was returned. A frame
//     that was under way when the last connection broke cannot open the next.
//   - N5: At most Window frames are under way. Seen, in every frame of the other
//     direction, says which of them were handled. Frames without a parcel are not
//     numbered (Seq zero), unless they probe whether the last ones were lost.
//   - N6: Whatever waits for a process that cannot be reached is thrown away after
//     a second, and when it exceeds a limit. Every protocol above re-sends.
package remote

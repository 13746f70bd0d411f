package remote

import (
	"lockstep/messages"
	"lockstep/replica"
)

// transport carries frames to other processes: at most once, in order within a
// connection. It connects by itself when there is something to transmit.
//
// It reports connections with Process.connected, terminated and refused, and
// hands over what arrives as streamOpened, then frames, then streamEnded, all
// sent to the door by one goroutine a stream.
type transport interface {
	// transmit queues a frame and returns at once. The frame must not be changed
	// afterwards.
	transmit(to replica.NodeID, f *messages.Frame)
	// cut breaks the connection to a process, with what is queued on it.
	cut(to replica.NodeID)
	// maintain is called at every tick of the upkeep.
	maintain()
	// stop breaks everything and refuses everything from now on.
	stop()
}

// stream is one incoming connection of a process. Its fields after address
// belong to the door.
type stream struct {
	name    string         // tells the streams of a process apart, in every frame's sender
	number  uint64         // rises: of two streams the higher is the newer
	address replica.NodeID // what the sender claims
	prove   func()         // called once, when the claim was proven
	// Of a certificate, if there are any:
	principal string // who it speaks for
	client    bool   // it is a client's, which is no node's word

	neighbour   *neighbour // nil until proven
	incarnation replica.Incarnation
	announced   bool // the replicator knows of this connection
}

// What a transport sends to the door, besides frames.
type (
	streamOpened struct{ stream *stream }
	streamEnded  struct{ stream *stream }
)

// Package actors holds the shells around the pure cores, one actor a file:
//
//	LockTable   owns a lock.Table and, while its node reigns, the time-outs; knows who asked what
//	Replicator  owns a replica core: decodes nothing, decides nothing, steps it
//	Client      owns a replica.Client core and answers the callers
//	Agent       owns a replica.Agent core: a session whose client does not speak the protocol
//	Disk        owns the identity file and the log on disk
//	Ticker      the only timer of a node
//
// Receive dispatches; a method handles one message. Messages between the actors
// of a process are the cores' own events and effects, and plain structs beside
// the actor that receives them. Nothing waits inside Receive but Disk, for its
// disk, and an actor that panics ends the process: the framework would bring it
// back empty behind the same address, and the same lock would be granted twice.
package actors

// Command chaos does its worst to clusters of real lockd processes, each on a
// machine of its own, while clients work with locks and write down what they see;
// and judges every history: is there an order in which every answer is right, did
// two ever believe that they held one lock, did tokens rise?
//
// It goes in eras. An era is a cluster, of three nodes or five, with its log on
// disk or without one, that is founded, lives through some rounds and goes. A
// round is some seconds of faults, one or two at a time, after which everything is
// healed, the cluster has to become whole again, and the history is closed.
//
// Nothing is random but by the seed, except what time makes of it: a seed brings
// the same faults back in the same order, not the same run.
package main

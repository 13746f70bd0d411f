// Package screen is a terminal that shows one page after the other and is told
// what was typed. What was there before comes back when it is closed.
package screen

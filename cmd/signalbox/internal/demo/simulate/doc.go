// Package simulate contains what discrete-event simulations have in common: an agenda of
// the actions to run, by simulated time, and random numbers.
package simulate

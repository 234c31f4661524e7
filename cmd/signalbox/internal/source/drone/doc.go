// Package drone decodes the webhooks of Drone, and checks their signatures.
//
// Builds become changes to runs, and their stages changes to jobs. Deliveries about
// repositories and users are ignored.
package drone

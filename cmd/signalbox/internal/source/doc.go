// Package source has what the sources share: where events go, limits, the bodies of
// requests and the answers to them, the log of rejections, and the HTTP server. Each
// package below it takes data from one kind of system.
package source

//go:build !unix

package main

import "os"

// columnsOf takes no file for a terminal.
func columnsOf(*os.File) (columns int, ok bool) { return 0, false }

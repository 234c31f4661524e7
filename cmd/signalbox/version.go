package main

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/signalbox-ci/signalbox/internal/buildinfo"
)

// versionCommand prints the version.
type versionCommand struct{}

func (*versionCommand) run(w world) error {
	build := buildinfo.Read()
	_, err := fmt.Fprintf(w.stdout, "signalbox %s\nrevision  %s\ngo        %s\n",
		cmp.Or(build.Version, "unknown"), build.RevisionText(), runtime.Version())
	return err
}

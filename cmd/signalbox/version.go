package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand prints what was built.
type versionCommand struct{}

func (*versionCommand) run(w world) error {
	version, revision := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		revision = revisionOf(info)
	}

	_, err := fmt.Fprintf(w.stdout, "signalbox %s\nrevision  %s\ngo        %s\n", version, revision, runtime.Version())

	return err
}

// revisionOf returns the commit that was built, and whether there was more.
func revisionOf(info *debug.BuildInfo) string {
	revision, modified := "unknown", false
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			revision = setting.Value
		case "vcs.modified":
			modified = setting.Value == "true"
		}
	}
	if modified {
		revision += " (modified)"
	}

	return revision
}

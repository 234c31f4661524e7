// Package buildinfo reports how the running program was built.
package buildinfo

import "runtime/debug"

// Module is the path of Signalbox's module.
const Module = "github.com/signalbox-ci/signalbox"

// Info describes the build of Signalbox. Unknown strings are empty.
type Info struct {
	Version  string // version of Module, also in programs that embed it
	Revision string // commit; known only in programs of Module itself
	Modified bool   // whether the build had uncommitted changes
	Tags     string // build tags, separated by commas
}

// Read returns the build information that is embedded in the running program.
func Read() Info {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Info{}
	}
	return infoFrom(info)
}

func infoFrom(info *debug.BuildInfo) Info {
	b := Info{Version: info.Main.Version}
	if info.Main.Path == Module {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			case "-tags":
				b.Tags = s.Value
			}
		}
	}
	for _, dep := range info.Deps {
		if dep.Path == Module {
			b.Version = dep.Version
		}
	}
	return b
}

// RevisionText returns the commit for display, or "unknown". It appends " (modified)"
// to the commit if the build had uncommitted changes.
func (i Info) RevisionText() string {
	switch {
	case i.Revision == "":
		return "unknown"
	case i.Modified:
		return i.Revision + " (modified)"
	}
	return i.Revision
}

package emitter

import "runtime/debug"

// A build is what is known of how the program was built.
type build struct{ version, revision, tags string }

// modulePath is how a program that embeds the emitter knows it.
const modulePath = "github.com/signalbox-ci/signalbox"

func readBuild() (b build) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.version = info.Main.Version
	if info.Main.Path == modulePath {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.revision = s.Value
			case "-tags":
				b.tags = s.Value
			}
		}
	}
	for _, dep := range info.Deps {
		if dep.Path == modulePath {
			b.version = dep.Version
		}
	}
	return b
}

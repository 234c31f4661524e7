package buildinfo

import (
	"runtime/debug"
	"testing"
)

func TestAProgramOfTheModule(t *testing.T) {
	got := infoFrom(&debug.BuildInfo{
		Main: debug.Module{Path: Module, Version: "v1.2.3"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "c0ffee"}, {Key: "vcs.modified", Value: "true"}, {Key: "-tags", Value: "a,b"},
		},
	})
	if want := (Info{Version: "v1.2.3", Revision: "c0ffee", Modified: true, Tags: "a,b"}); got != want {
		t.Errorf("got %+v, expected %+v", got, want)
	}
	if got.RevisionText() != "c0ffee (modified)" {
		t.Errorf("got revision %q", got.RevisionText())
	}
}

func TestAProgramThatEmbedsTheModule(t *testing.T) {
	got := infoFrom(&debug.BuildInfo{
		Main:     debug.Module{Path: "example.com/scheduler", Version: "v9.0.0"},
		Deps:     []*debug.Module{{Path: "example.com/other", Version: "v0.1.0"}, {Path: Module, Version: "v1.2.3"}},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "the scheduler's"}},
	})
	if want := (Info{Version: "v1.2.3"}); got != want {
		t.Errorf("got %+v, expected %+v", got, want)
	}
	if got.RevisionText() != "unknown" {
		t.Errorf("got revision %q", got.RevisionText())
	}
}

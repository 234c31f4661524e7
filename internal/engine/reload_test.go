package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/internal/mapping"
)

func TestReloadReturnsAnErrorIfLoadingPanics(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mapping.yml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := New(Options{Source: mapping.Source{File: file, Namespace: "ci"}})
	if err != nil {
		t.Fatal(err)
	}
	e.mapping.families["broken"] = nil
	for range 2 { // the second reload checks that the lock was released
		if _, err = e.Reload(); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("got %v", err)
		}
	}
	if state := e.MappingState(); state.Err == nil || state.FailedAt.IsZero() {
		t.Errorf("got state %+v, expected an error", state)
	}
}

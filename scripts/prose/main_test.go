package main

import (
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"
)

func TestFindsPhrasesAcrossLines(t *testing.T) {
	g := NewWithT(t)
	matches, err := check(fstest.MapFS{
		"a.go": {Data: []byte("package a\n\n\t// It tells\n\t// whether.\nvar s = \"how it \" +\n\t\"stands\" // of late\n")},
		"b.md": {Data: []byte("Fine.\n\nHow it\nstands. http.NoBody.\n")},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(matches).To(HaveExactElements(
		match{"a.go", 3, "tells whether", `"reports whether"`},
		match{"a.go", 5, "how it stands", `"the state of …"`},
		match{"a.go", 6, "of late", `"recently"`},
		match{"b.md", 3, "How it stands", `"the state of …"`},
	))
}

func TestSkips(t *testing.T) {
	g := NewWithT(t)
	for _, path := range []string{"a/testdata/of.txt", ".git/x", "scripts/prose/phrases.go", "go.sum"} {
		matches, err := check(fstest.MapFS{path: {Data: []byte("of late")}})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(matches).To(BeEmpty(), path)
	}
}

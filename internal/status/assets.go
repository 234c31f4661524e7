package status

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed page
var embedded embed.FS

// contentTypes are those of the files that the page is made of. They are told here
// because a system's own table can say otherwise.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// assetNames are the files below /assets/.
func assetNames() (names []string) {
	entries, err := fs.ReadDir(embedded, "page/assets")
	if err != nil {
		panic("BUG: " + err.Error()) // they are compiled in
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// pageFile serves a file of the page. A browser asks each time whether it has
// changed, so that page and daemon are of one version after an upgrade, and is told
// by the ETag that it has not.
func pageFile(name string) http.Handler {
	content, err := embedded.ReadFile("page/" + name)
	if err != nil {
		panic("BUG: " + err.Error()) // it is compiled in
	}
	contentType, ok := contentTypes[path.Ext(name)]
	if !ok {
		panic("BUG: no content type for " + name)
	}
	sum := sha256.Sum256(content)
	// Weak, since it is the same for what is compressed and what is not.
	etag := `W/"` + hex.EncodeToString(sum[:12]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("Cache-Control", "no-cache")
		header.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}

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

// contentTypes maps the extensions of the page's files to their types. It does not
// depend on the system's table of types.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// assetNames returns the names of the files below /assets/.
func assetNames() (names []string) {
	entries, err := fs.ReadDir(embedded, "page/assets")
	if err != nil {
		panic("BUG: " + err.Error()) // the files are compiled in
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// pageFile returns a handler that serves a file of the page. Browsers ask each time
// whether the file has changed, so that an upgrade takes effect immediately; with the
// ETag, the handler can answer that it has not.
func pageFile(name string) http.Handler {
	content, err := embedded.ReadFile("page/" + name)
	if err != nil {
		panic("BUG: " + err.Error()) // the file is compiled in
	}
	contentType, ok := contentTypes[path.Ext(name)]
	if !ok {
		panic("BUG: no content type for " + name)
	}
	sum := sha256.Sum256(content)
	// The ETag is weak because it is the same with and without compression.
	etag := `W/"` + hex.EncodeToString(sum[:12]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("Cache-Control", "no-cache")
		header.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}

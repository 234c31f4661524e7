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

// contentTypes maps the extensions of the page's files to their content types. Package
// mime is not used because its types depend on the system's configuration.
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

// pageFile returns a handler that serves a file of the page. Browsers revalidate the
// file each time, so that an upgrade takes effect immediately. The ETag lets the
// handler answer 304 if the file has not changed.
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

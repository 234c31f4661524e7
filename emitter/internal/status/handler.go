package status

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// The limits on the lists of an overview.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// NewHandler serves the overview at /api/v1/overview.
func NewHandler(overview func(limit int) Overview) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/overview", func(w http.ResponseWriter, r *http.Request) {
		limit := defaultLimit
		if text := r.URL.Query().Get("limit"); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > maxLimit {
				http.Error(w, fmt.Sprintf("limit is %q, want a number from 1 to %d", text, maxLimit), http.StatusBadRequest)
				return
			}
			limit = n
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(overview(limit)) //nolint:errcheck // the client is gone
	})
	return mux
}

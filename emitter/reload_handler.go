package emitter

import (
	"fmt"
	"net/http"
)

// reloadHandler reloads on POST and PUT, if that is enabled. A page of another
// site, in the browser of somebody who can reach the listener, cannot make it do so.
func (p *Prometheus) reloadHandler(enabled bool) http.Handler {
	reload := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		what, err := p.reload()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, what)
	})
	guarded := http.NewCrossOriginProtection().Handler(reload)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost && r.Method != http.MethodPut:
			w.Header().Set("Allow", "POST, PUT")
			http.Error(w, fmt.Sprintf("the method %.40s is not allowed here, want POST or PUT", r.Method), http.StatusMethodNotAllowed)
		case !enabled:
			http.Error(w, "reloading by HTTP is off: --enable-reload-api turns it on; SIGHUP always reloads", http.StatusForbidden)
		default:
			guarded.ServeHTTP(w, r)
		}
	})
}

package access

import "github.com/prometheus/client_golang/prometheus"

// A Protection describes how a listener is protected.
type Protection struct {
	Encrypted     bool // by TLS
	Authenticated bool // clients need credentials or a certificate
}

// Covers reports whether a listener with protection p may show what is only for clients
// of a listener with protection q. Clients that need credentials count as protected
// even without TLS, because a proxy may add TLS.
func (p Protection) Covers(q Protection) bool {
	return p.Authenticated || !q.Authenticated && (p.Encrypted || !q.Encrypted)
}

// Protection returns the protection of a listener with these options. It can change
// when the web configuration file changes.
func (o *Options) Protection() Protection {
	p := Protection{Authenticated: o.Tokens != nil}
	if o.WebConfig != nil {
		p.Encrypted = o.WebConfig.EnablesTLS()
		p.Authenticated = p.Authenticated || o.WebConfig.Authenticates()
	}
	return p
}

// A File is a file that contains credentials or certificates.
type File struct {
	Name string       // such as "token file of the intake listener"
	Err  func() error // returns why what is in the file is not in force, or nil
}

// Files returns the files that the options read again and again.
func (o *Options) Files() (files []File) {
	if o.Tokens != nil {
		files = append(files, File{"token file of the " + o.Denials.listener + " listener", o.Tokens.Err})
	}
	if o.WebConfig != nil {
		files = append(files, File{"web configuration file of the " + o.Denials.listener + " listener", o.WebConfig.Err})
	}
	return files
}

// Register registers the metrics about denied requests and about the files.
func (o *Options) Register(r prometheus.Registerer) {
	r.MustRegister(o.Denials)
	if o.Tokens != nil {
		r.MustRegister(o.Tokens)
	}
	if o.WebConfig != nil {
		r.MustRegister(o.WebConfig.Collector(o.Denials.listener))
	}
}

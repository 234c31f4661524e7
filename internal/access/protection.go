package access

// A Protection describes how a listener is protected.
type Protection struct {
	Encrypted     bool // by TLS
	Authenticated bool // clients need credentials or a certificate
}

// Covers reports whether a listener with protection p may show what is only for clients
// of a listener with protection q. Clients that need credentials count as protected even
// without TLS, because a proxy may add TLS.
func (p Protection) Covers(q Protection) bool {
	return p.Authenticated || !q.Authenticated && (p.Encrypted || !q.Encrypted)
}

// Protection returns the protection of a listener with these options.
func (o *Options) Protection() Protection {
	return Protection{Authenticated: o.Tokens != nil}
}

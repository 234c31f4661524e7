// Package signature checks that webhooks come from a sender that knows a secret: it signs
// them, or sends the secret with them.
//
// All checks are over the raw bytes of a request, take the same time wherever the first
// difference is, and accept any of several secrets, so that a secret can be replaced
// without losing deliveries. Their errors wrap ErrMissing, ErrMalformed, ErrMismatch or
// ErrStale. No error and no formatted value contains a secret.
package signature

package signature

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// RequestToken checks that a request contains exactly one token, which is one of the
// secrets. It is for CI systems that do not sign, and that differ in where they can
// send a token: as a bearer token or as the password of basic authentication in the
// header Authorization, or as the parameter "token" in the URL. The errors contain
// neither the token nor any other part of the URL.
func RequestToken(secrets []Secret, r *http.Request) error {
	headers, queried := r.Header.Values("Authorization"), []string(nil)
	if r.URL.RawQuery != "" {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil { // shows a part of the query
			return fmt.Errorf("the query of the URL is %w, expected ?token=TOKEN, with special characters in TOKEN escaped as in %%2B", ErrMalformed)
		}
		queried = query["token"]
	}
	// A proxy in front of this program might have checked another one.
	if n := len(headers) + len(queried); n > 1 {
		return fmt.Errorf("the token is %w: got %d, in the header Authorization or in the URL, expected one", ErrMalformed, n)
	}
	token := strings.Join(queried, "")
	if len(headers) == 1 {
		var ok bool
		if token, ok = authorizationToken(r); !ok {
			return fmt.Errorf("the header Authorization is %w, expected Bearer TOKEN, or basic authentication with the token as the password", ErrMalformed)
		}
	}
	if token == "" {
		return fmt.Errorf("the token is %w: send it in the header Authorization, as Bearer TOKEN or as the password of basic authentication, or else as ?token=TOKEN in the URL", ErrMissing)
	}
	return matchToken(secrets, token, "the token")
}

// authorizationToken returns the token in the header Authorization.
func authorizationToken(r *http.Request) (token string, ok bool) {
	if _, password, ok := r.BasicAuth(); ok {
		return password, true
	}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return token, ok && strings.EqualFold(scheme, "Bearer")
}

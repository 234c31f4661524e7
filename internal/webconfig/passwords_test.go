package webconfig

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/common/config"
)

// A client that tries many passwords must not displace the right password of another
// client, which would then have to wait for its turn.
func TestWrongPasswordsDoNotDisplaceRightOnes(t *testing.T) {
	users := map[string]config.Secret{"ops": "$2a$04$KWY2jkZEEFoqql3DodBozOXw6KM0OV3Rhy/YMgtgUC/uP3fVrs84a"}
	p := newPasswords()
	r := httptest.NewRequest("GET", "/", nil)
	for i := range maxWrong + 10 {
		r.SetBasicAuth("ops", "secret")
		if !p.authenticate(users, r) {
			t.Fatal("the right password was rejected")
		}
		for _, user := range []string{"ops", "unknown"} {
			r.SetBasicAuth(user, fmt.Sprint(i))
			if p.authenticate(users, r) {
				t.Fatalf("%s: a wrong password was accepted", user)
			}
		}
	}
	if len(p.right) != 1 || len(p.wrong) != maxWrong {
		t.Errorf("got %d right and %d wrong passwords, expected 1 and %d", len(p.right), len(p.wrong), maxWrong)
	}
	p.known <- struct{}{} // from now on, computing a hash for a user would block
	r.SetBasicAuth("ops", "secret")
	if !p.authenticate(users, r) {
		t.Error("the right password was rejected")
	}

	// Guesses of names do not wait for guesses of passwords, nor the reverse.
	r.SetBasicAuth("unknown", "new")
	if p.authenticate(users, r) {
		t.Error("an unknown user was accepted")
	}
}

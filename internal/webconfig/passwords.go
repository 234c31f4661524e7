package webconfig

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"net/http"
	"sync"

	"github.com/prometheus/common/config"
	"golang.org/x/crypto/bcrypt"
)

// passwords checks passwords and remembers the results, because computing a bcrypt hash
// takes a large part of a second. It remembers passwords only as hashes with a random
// key. Right passwords are remembered apart from wrong ones, so that a client that
// tries many passwords cannot slow down the others.
type passwords struct {
	key [sha256.Size]byte
	// A turn is a token for one bcrypt computation at a time: one for the users that
	// exist, and one for all other names, so that guesses of names do not delay users.
	known, unknown chan struct{}

	mu    sync.Mutex // protects the following fields
	right map[string][sha256.Size]byte
	wrong map[[sha256.Size]byte]bool
}

// maxWrong is the number of wrong passwords to remember, so that a client that is
// misconfigured does not cost a computation for each request.
const maxWrong = 100

func newPasswords() *passwords {
	p := &passwords{known: make(chan struct{}, 1), unknown: make(chan struct{}, 1), right: map[string][sha256.Size]byte{}, wrong: map[[sha256.Size]byte]bool{}}
	rand.Read(p.key[:]) //nolint:errcheck // it never fails
	return p
}

// authenticate reports whether the request has the name and password of one of the
// users. The time it takes does not depend on whether the user exists, if all hashes
// have the same cost.
func (p *passwords) authenticate(users map[string]config.Secret, r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	if !ok {
		return false
	}
	hash, exists := users[user]
	sum := p.sum(user, string(hash), password)
	if !exists {
		for _, hash = range users { // any one; its password is not accepted
			break
		}
	}
	if right, known := p.remembered(user, sum); known {
		return right && exists
	}
	turn := p.known
	if !exists {
		turn = p.unknown
	}
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-r.Context().Done():
		return false
	}
	right := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil && exists
	p.remember(user, sum, right)
	return right
}

// sum returns a keyed hash of the arguments.
func (p *passwords) sum(user, hash, password string) (sum [sha256.Size]byte) {
	b := append([]byte(nil), p.key[:]...)
	for _, part := range []string{user, hash} {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(part))), part...)
	}
	return sha256.Sum256(append(b, password...))
}

// remembered returns the remembered result for a password.
func (p *passwords) remembered(user string, sum [sha256.Size]byte) (right, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.right[user]; ok && subtle.ConstantTimeCompare(s[:], sum[:]) == 1 {
		return true, true
	}
	return false, p.wrong[sum]
}

func (p *passwords) remember(user string, sum [sha256.Size]byte, right bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if right {
		p.right[user] = sum
		return
	}
	if len(p.wrong) >= maxWrong {
		for s := range p.wrong { // any one
			delete(p.wrong, s)
			break
		}
	}
	p.wrong[sum] = true
}

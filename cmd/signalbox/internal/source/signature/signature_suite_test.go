package signature_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

func TestSignature(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Signatures")
}

// secrets returns secrets with the texts.
func secrets(texts ...string) []signature.Secret {
	var secrets []signature.Secret
	for _, text := range texts {
		secret, err := signature.New(text)
		if err != nil {
			panic(err)
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

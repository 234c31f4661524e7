package webconfig_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

// users is a file with the user ops, whose password is "secret".
const users = "basic_auth_users:\n  ops: $2a$04$KWY2jkZEEFoqql3DodBozOXw6KM0OV3Rhy/YMgtgUC/uP3fVrs84a\n"

// writeKeyPair writes a new certificate and its key to files in the directory, and
// returns the certificate.
func writeKeyPair(directory, certificateFile, keyFile string) []byte {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	Expect(err).NotTo(HaveOccurred())
	keyBytes, err := x509.MarshalPKCS8PrivateKey(key)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(filepath.Join(directory, certificateFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600)).To(Succeed())
	Expect(os.WriteFile(filepath.Join(directory, keyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyBytes}), 0o600)).To(Succeed())
	return certificate
}

var _ = Describe("A web configuration file in use", func() {
	const tlsSettings = "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
	const clientCertificates = "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: cert.pem, " +
		"client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [prometheus]}\n"

	var (
		directory, path string
		file            *webconfig.File
		changes         []error
	)
	write := func(content string) {
		GinkgoHelper()
		Expect(os.WriteFile(path, []byte(content), 0o600)).To(Succeed())
	}
	open := func(content string) {
		GinkgoHelper()
		write(content)
		var err error
		file, err = webconfig.Open(path)
		Expect(err).NotTo(HaveOccurred())
		file.OnChange(func(err error) { changes = append(changes, err) })
	}
	admit := func(user, password string) webconfig.Admission {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		return file.Admit(http.Header{}, r)
	}
	clientConfig := func() *tls.Config {
		GinkgoHelper()
		c, err := file.TLSConfig("h2").GetConfigForClient(nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(c.NextProtos).To(Equal([]string{"h2"}))
		return c
	}

	BeforeEach(func() {
		directory, changes = GinkgoT().TempDir(), nil
		path = filepath.Join(directory, "web.yml")
	})

	It("authenticates users", func() {
		open(users)
		Expect(admit("ops", "secret")).To(Equal(webconfig.Admitted))
		Expect(admit("ops", "secret")).To(Equal(webconfig.Admitted), "it is remembered")
		Expect(admit("ops", "Secret")).To(Equal(webconfig.Unauthorized))
		Expect(admit("Ops", "secret")).To(Equal(webconfig.Unauthorized))
		Expect(admit("Ops", "secret")).To(Equal(webconfig.Unauthorized), "it is remembered")
		Expect(admit("", "")).To(Equal(webconfig.Unauthorized))
		Expect(changes).To(BeEmpty())
	})

	It("applies valid changes to the next request", func() {
		open("")
		Expect(admit("", "")).To(Equal(webconfig.NoUsers))
		write(users)
		Expect(admit("", "")).To(Equal(webconfig.Unauthorized))
		Expect(admit("ops", "secret")).To(Equal(webconfig.Admitted))
		write("basic_auth_users:\n  ops: $2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG\n")
		Expect(admit("ops", "secret")).To(Equal(webconfig.Unauthorized), "the password has changed")
		write(users + "http_server_config: {headers: {X-Frame-Options: deny}}\nrate_limit: {interval: 1h, burst: 1}\n")
		header := http.Header{}
		Expect(file.Admit(header, httptest.NewRequest(http.MethodGet, "/", nil))).To(Equal(webconfig.Unauthorized))
		Expect(header).To(HaveKeyWithValue("X-Frame-Options", []string{"deny"}))
		Expect(admit("ops", "secret")).To(Equal(webconfig.TooMany))
		Expect(changes).To(Equal([]error{nil, nil, nil}))
	})

	DescribeTable("keeps the last valid settings in force if the file",
		func(before, after, message string) {
			writeKeyPair(directory, "cert.pem", "key.pem")
			open(before)
			if after == "is missing" {
				Expect(os.Remove(path)).To(Succeed())
			} else {
				write(after)
			}
			for range 3 {
				Expect(admit("", "")).To(Equal(webconfig.Unauthorized))
				Expect(admit("ops", "secret")).To(Equal(webconfig.Admitted))
			}
			Expect(changes).To(HaveExactElements(MatchError(ContainSubstring(message))))
			Expect(file.Err()).To(MatchError(ContainSubstring(message)))
			if file.EnablesTLS() {
				Expect(clientConfig().Certificates).To(HaveLen(1))
			}
			Expect(testutil.ToFloat64(file.Collector("metrics"))).To(BeZero())

			write(before)
			Expect(admit("ops", "secret")).To(Equal(webconfig.Admitted))
			Expect(file.Err()).NotTo(HaveOccurred())
			Expect(changes).To(HaveExactElements(HaveOccurred(), BeNil()))
			Expect(testutil.ToFloat64(file.Collector("metrics"))).To(Equal(1.0))
		},
		Entry("is empty", users, "", "basic_auth_users is empty"),
		Entry("has only comments", users, "# to do\n", "basic_auth_users is empty"),
		Entry("has no users", users, "basic_auth_users: {}\n", "basic_auth_users is empty"),
		Entry("has lost its users, but not TLS", users+tlsSettings, tlsSettings, "basic_auth_users is empty"),
		Entry("has lost TLS, but not its users", users+tlsSettings, users, "tls_server_config is missing"),
		Entry("is empty and had enabled TLS", users+tlsSettings, "", "tls_server_config is missing"),
		Entry("has gained TLS", users, users+tlsSettings, "the listener has started without TLS"),
		Entry("no longer asks for client certificates", users+clientCertificates, users+tlsSettings, "client_auth_type is weaker"),
		Entry("no longer verifies client certificates", users+clientCertificates,
			users+"tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: cert.pem, client_auth_type: RequireAnyClientCert}\n", "client_auth_type is weaker"),
		Entry("no longer requires client certificates", users+clientCertificates,
			users+"tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: cert.pem, client_auth_type: VerifyClientCertIfGiven}\n", "client_auth_type is weaker"),
		Entry("no longer limits the names in client certificates", users+clientCertificates,
			users+"tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: cert.pem, client_auth_type: RequireAndVerifyClientCert}\n", "client_allowed_sans is empty"),
		Entry("names a file of client certificates without any", users+clientCertificates,
			users+"tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: key.pem, client_auth_type: RequireAndVerifyClientCert}\n", "got no certificate"),
		Entry("is invalid", users, "basic_auth_users: [\n", "web.yml"),
		Entry("has a password that is not a hash", users, "basic_auth_users: {ops: secret}\n", "not a bcrypt hash"),
		Entry("is missing", users, "is missing", "no such file"),
	)

	It("keeps the last certificate while the certificate and the key do not match", func() {
		first := writeKeyPair(directory, "cert.pem", "key.pem")
		open(tlsSettings)
		second := writeKeyPair(directory, "cert.pem", "newkey.pem")
		Expect(clientConfig().Certificates[0].Certificate).To(Equal([][]byte{first}))
		Expect(changes).To(HaveExactElements(MatchError(ContainSubstring("private key does not match"))))
		Expect(os.Rename(filepath.Join(directory, "newkey.pem"), filepath.Join(directory, "key.pem"))).To(Succeed())
		Expect(file.Err()).NotTo(HaveOccurred())
		Expect(clientConfig().Certificates[0].Certificate).To(Equal([][]byte{second}))
		Expect(changes).To(HaveExactElements(HaveOccurred(), BeNil()))
	})

	It("need not exist", func() {
		Expect(webconfig.Open("")).To(BeNil())
	})
})

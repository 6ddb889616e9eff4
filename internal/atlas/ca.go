package atlas

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
)

// A CA is a private certificate authority, as an Ops Manager on its own host mostly has one. It is trusted beside the
// system's. The zero value is none.
type CA struct {
	Name string // where the certificates come from, such as a file's name; errors tell it
	PEM  []byte // one certificate or more
}

// transport returns what makes the connections.
func (o Options) transport() (http.RoundTripper, error) {
	switch {
	case o.CA.Name == "" && len(o.CA.PEM) == 0 && o.Base != nil:
		return o.Base, nil
	case o.CA.Name == "" && len(o.CA.PEM) == 0:
		return Transport(), nil
	case o.Base != nil:
		return nil, errors.New("certificate authority: the transport given has its own")
	}
	pool, err := o.CA.pool()
	if err != nil {
		return nil, fmt.Errorf("certificate authority %s: %w", clean(o.CA.Name, 200), err)
	}
	transport := Transport()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return transport, nil
}

// pool returns the system's authorities and this one. What is no certificate is refused: a file that is half read would
// fail at the first connection, with an error that says nothing about it.
func (ca CA) pool() (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without any: this one is what counts
	}
	found := 0
	for rest := ca.PEM; ; found++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("block %d is %q, want certificates only", found+1, clean(block.Type, 40))
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read: %w", found+1, err)
		}
		pool.AddCert(certificate)
	}
	if found == 0 {
		return nil, errors.New("it holds no certificate in PEM form")
	}
	return pool, nil
}

package atlas

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"restorewatch/internal/restore"
)

func TestPrivateCA(t *testing.T) {
	srv := httptest.NewUnstartedServer(serve(pageJSON("", jobJSON(id(1), "FINISHED"))))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake
	srv.StartTLS()
	defer srv.Close()
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})

	trusting := newClient(t, nil, func(o *Options) { o.BaseURL, o.Base, o.CA = srv.URL, nil, CA{"ca.pem", own} })
	if pages, err := list(t.Context(), trusting, managerTarget, 100); err != nil || ids(pages) != "0001" {
		t.Errorf("with the authority: %s, %v", ids(pages), err)
	}
	wary := newClient(t, nil, func(o *Options) { o.BaseURL, o.Base = srv.URL, nil })
	_, err := list(t.Context(), wary, managerTarget, 100)
	e := failure(t, err, restore.FailedUnavailable, "certificate")
	if !strings.Contains(e.Hint(), "ATLAS_CA_FILE") || wary.Requests() != 1 {
		t.Errorf("hint %q after %d requests", e.Hint(), wary.Requests())
	}
}

func TestWrongCA(t *testing.T) {
	const garbage = "-----BEGIN CERTIFICATE-----\nQ0FOQVJZ\n-----END CERTIFICATE-----\n"
	const key = "-----BEGIN PRIVATE KEY-----\nQ0FOQVJZ\n-----END PRIVATE KEY-----\n"
	for text, word := range map[string]string{
		"":              "no certificate in PEM form",
		"CANARY":        "no certificate in PEM form",
		garbage:         "certificate 1 cannot be read",
		key:             `block 1 is "PRIVATE KEY", want certificates only`,
		garbage[:40]:    "no certificate",
		"x\n" + garbage: "certificate 1",
	} {
		_, err := New(Options{BaseURL: "https://om.test", Keys: StaticKey("a", "b"), CA: CA{"/etc/om/ca.pem", []byte(text)}})
		if err == nil || !strings.Contains(err.Error(), "certificate authority /etc/om/ca.pem: ") || !strings.Contains(err.Error(), word) ||
			strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), "Q0FO") {
			t.Errorf("%q: %v, want %q", text, err, word)
		}
	}
	_, err := New(Options{BaseURL: "https://om.test", Keys: StaticKey("a", "b"), CA: CA{"ca.pem", nil}, Base: http.DefaultTransport})
	if err == nil || !strings.Contains(err.Error(), "certificate authority") {
		t.Errorf("with a transport: %v", err)
	}
}

package atlassim

import "testing"

// The examples that the RFCs print.
func TestDigestResponseOfTheRFCs(t *testing.T) {
	tests := []struct {
		rfc, header, realm, password, want string
	}{
		{"2617 section 3.5", `Digest username="Mufasa", realm="testrealm@host.com",
			nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b",
			response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
			"testrealm@host.com", "Circle Of Life", "6629fae49393a05397450978507c4ef1"},
		{"7616 section 3.9.1", `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html",
			algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001,
			cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth,
			response="8ca523f5e9506fed4657c9700eebdbec", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
			"http-auth@example.org", "Circle of Life", "8ca523f5e9506fed4657c9700eebdbec"},
	}
	for _, tt := range tests {
		p, ok := digestParams(unfold(tt.header))
		if !ok {
			t.Errorf("RFC %s: the header is not understood", tt.rfc)
		}
		if got := digestResponse(p, tt.realm, tt.password, "GET"); got != tt.want || got != p["response"] {
			t.Errorf("RFC %s: response %s, want %s", tt.rfc, got, tt.want)
		}
	}
}

// unfold joins a header that is broken over lines here.
func unfold(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r == '\n' || r == '\t' {
			out[i] = ' '
		}
	}
	return string(out)
}

func TestDigestParams(t *testing.T) {
	tests := []struct {
		header string
		ok     bool
		user   string
	}{
		{`Digest username="a"`, true, "a"},
		{`digest  USERNAME = "a" , nc=00000001`, true, "a"},
		{`Digest username="a,b=\"c\\"`, true, `a,b="c\`},
		{`Digest username=a`, true, "a"},
		{`Digest ,, username="",`, true, ""},
		{``, false, ""},
		{`Basic YTpi`, false, ""},
		{`Digest username`, false, ""},
		{`Digest ="a"`, false, ""},
		{`Digest username="a`, false, ""},
		{`Digest username="a\`, false, ""},
		{`Digest username="a" nc=1`, false, ""},
		{`Digest username=a b`, false, ""},
		{`Digest username="a", username="b"`, false, ""},
	}
	for _, tt := range tests {
		p, ok := digestParams(tt.header)
		if ok != tt.ok || p["username"] != tt.user {
			t.Errorf("%q: %q, %t; want user %q, %t", tt.header, p, ok, tt.user, tt.ok)
		}
	}
}

package atlassim

import (
	"maps"
	"strings"
	"testing"
)

// FuzzDigestParams reads anything as a Digest Authorization header. What is understood says the same when it is written
// anew, with every value quoted.
func FuzzDigestParams(f *testing.F) {
	for _, header := range []string{`Digest username="a", nc=00000001, uri="/\"", `, `Digest a="\`, `digest A = b ,, c="d\\"`, `Digest a="", b=`} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		p, ok := digestParams(header)
		if !ok {
			return
		}
		anew := []string{}
		for name, value := range p {
			if name == "" || name != strings.ToLower(name) {
				t.Errorf("a parameter is called %q", name)
			}
			anew = append(anew, name+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)+`"`)
		}
		again, ok := digestParams("Digest " + strings.Join(anew, ", "))
		if !ok || !maps.Equal(again, p) {
			t.Errorf("%q says %q, and written anew %q", header, p, again)
		}
	})
}

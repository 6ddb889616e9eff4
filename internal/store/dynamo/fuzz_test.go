package dynamo

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
	"restorewatch/internal/store/storetest"
)

// FuzzItem reads items as somebody else may have written them: what is taken for a record has a key, a version from 1 and
// a body that can be written again; what is not is told in a bounded text.
func FuzzItem(f *testing.F) {
	target := restore.Target{Source: restore.Legacy, Project: "p", Cluster: "c"}
	for seed := range uint64(10) {
		r := storetest.Generate(target, seed)
		body, err := store.Encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(r.Key()), "1", string(body), uint8(0))
	}
	f.Add("target", "0", `{"format":1,"target":{}}`, uint8(0))
	f.Add("target", strings.Repeat("9", 38), `{"format":1,"target":{}}`, uint8(0))
	f.Add("target", "1e3", `{"format":1,"target":{}}`, uint8(5))
	f.Fuzz(func(t *testing.T, key, version, body string, wrong uint8) {
		i := item{attrRecord: text(key), attrVersion: &types.AttributeValueMemberN{Value: version}, attrBody: text(body)}
		for bit, name := range []string{attrRecord, attrVersion, attrBody} {
			if wrong>>bit&1 == 1 {
				i[name] = &types.AttributeValueMemberNULL{Value: true}
			}
		}
		r, err := decode(target, i)
		if err != nil {
			if n := len(err.Error()) - 5*len(key) - len(version); n > 1000 { // which DynamoDB bounds
				t.Errorf("an error of %d bytes: %.300s", n, err)
			}
			return
		}
		if wrong&7 != 0 || r.Version < 1 || string(r.Key()) != key {
			t.Errorf("took %q at %q for %s at %d", key, version, r.Key(), r.Version)
		}
		again, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decode(target, again); err != nil || back.Version != r.Version || back.Key() != r.Key() {
			t.Errorf("written and read: %+v, %v", back, err)
		}
		if !same(again, again) {
			t.Error("an item is not the same as itself")
		}
	})
}

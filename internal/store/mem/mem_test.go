package mem

import (
	"testing"

	"restorewatch/internal/restore"
	"restorewatch/internal/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Fixture {
		s := New()
		return storetest.Fixture{Store: s, Plant: func(_ *testing.T, of restore.Target, key restore.Key, version int, body string) {
			s.put(of, key, row{version: version, body: []byte(body)})
		}}
	})
}

package cli

import (
	"slices"
	"testing"

	"restorewatch/internal/restore"
)

func TestStoredTargetsAmongThoseWanted(t *testing.T) {
	target := func(s string) restore.Target {
		parsed, err := restore.ParseTarget(s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	stored := []restore.Target{target("legacy:p/A"), target("legacy:p/B"), target("legacy:q/A"), target("cloud:p/*"), target("cloud:p/A")}
	for _, tt := range []struct {
		wanted []restore.Target
		want   []int
	}{
		{nil, []int{0, 1, 2, 3, 4}},
		{[]restore.Target{target("legacy:p/*")}, []int{0, 1}},
		{[]restore.Target{target("legacy:*/*")}, []int{0, 1, 2}},
		{[]restore.Target{target("cloud:p/*"), target("legacy:q/A")}, []int{2, 3, 4}},
		{[]restore.Target{target("flex:*/*")}, nil},
	} {
		var want []restore.Target
		for _, i := range tt.want {
			want = append(want, stored[i])
		}
		if got := among(slices.Clone(stored), tt.wanted); !slices.Equal(got, want) {
			t.Errorf("%v: got %v, want %v", tt.wanted, got, want)
		}
	}
}

package dynamo_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"restorewatch/internal/restore"
	"restorewatch/internal/store/dynamo"
)

// recorder takes every item that is put.
type recorder struct {
	dynamo.API
	items []map[string]types.AttributeValue
}

func (r *recorder) PutItem(_ context.Context, put *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	r.items = append(r.items, put.Item)
	return new(dynamodb.PutItemOutput), nil
}

// sizeOf returns what DynamoDB counts: the names and the values in UTF-8; for a number a byte for two digits, and one
// (developer guide, "DynamoDB item sizes and formats").
func sizeOf(item map[string]types.AttributeValue) int {
	size := 0
	for name, value := range item {
		size += len(name)
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			size += len(v.Value)
		case *types.AttributeValueMemberN:
			size += (len(v.Value)+1)/2 + 1
		}
	}
	return size
}

// configShard is the first job of the example response, the one with the longest file name, as it is at the end.
var configShard = restore.Job{
	ID:          "5a66783b80eef5354c77ee16",
	ProjectID:   "6b77777887d9d61443b41645",
	ClusterID:   "7c88887880eef52e5f4d0e2d",
	ClusterName: "Cluster0",
	BatchID:     "5a66783b80eef5354c77ee13",
	SnapshotID:  "5a6669d5e2bfb3461861360c",
	Created:     time.Date(2018, 1, 22, 23, 48, 11, 0, time.UTC),
	Status:      restore.Finished,
	Delivery: restore.Delivery{
		Method: "HTTP", Status: restore.DeliveryExpired, Expires: time.Date(2018, 1, 22, 23, 49, 38, 0, time.UTC),
		ExpirationHours: 48, MaxDownloads: 2147483647,
	},
	Timestamp: restore.Timestamp{Date: time.Date(2018, 1, 22, 22, 44, 54, 0, time.UTC), Increment: 1},
	Hashes: []restore.Hash{{
		File:      "config-Cluster0-config-0-5a66689487d9d61443b46149-1516661094-5a66783b80eef5354c77ee16.tar.gz",
		Algorithm: "SHA1",
		Sum:       "a98af3c1f85a9eb3061423cda0fad8b4d0a48209",
	}},
}

// as returns configShard as it was earlier in its life.
func as(status restore.Status, delivery restore.DeliveryStatus, hashes []restore.Hash) restore.Job {
	j := configShard
	j.Status, j.Delivery.Status, j.Hashes = status, delivery, hashes
	return j
}

// TestChangedJobCostsOneWriteUnit keeps the items of a job's life within 1 KB, the write unit of DynamoDB.
func TestChangedJobCostsOneWriteUnit(t *testing.T) {
	started := as(restore.InProgress, restore.DeliveryNotStarted, nil)
	ready := as(restore.Finished, restore.DeliveryReady, nil)
	fetched := as(restore.Finished, restore.DeliveryReady, configShard.Hashes)
	for name, seen := range map[string][]restore.Job{
		"born":                    {started},
		"finished":                {started, as(restore.Finished, restore.DeliveryNotStarted, nil)},
		"finished and ready":      {started, ready},
		"downloaded":              {started, ready, fetched},
		"expired":                 {started, ready, fetched, configShard},
		"met when all was over":   {configShard},
		"failed":                  {started, as(restore.Broken, restore.DeliveryFailed, nil)},
		"delivery by delivery":    {started, as(restore.Finished, restore.DeliveryInProgress, nil), ready, fetched, configShard},
		"expired, never fetched":  {started, ready, as(restore.Finished, restore.DeliveryExpired, nil)},
		"interrupted, then ready": {started, as(restore.Finished, restore.DeliveryInterrupted, nil), ready},
	} {
		t.Run(name, func(t *testing.T) {
			last, told := live(t, seen)
			size := sizeOf(last)
			t.Logf("%d bytes with %d events: %s", size, told, last["body"].(*types.AttributeValueMemberS).Value)
			if size > 1024 {
				t.Errorf("the item has %d bytes, want at most 1024", size)
			}
		})
	}
}

// live returns the item that is put when the last of the listings is seen, and how many events it has. What the others
// told has been published by then.
func live(t *testing.T, listings []restore.Job) (item map[string]types.AttributeValue, events int) {
	t.Helper()
	api := new(recorder)
	s := dynamo.New(api, "t")
	r := restore.Record{Target: target}
	for i, job := range listings {
		now := job.Created.Add(time.Duration(i+1) * time.Minute)
		r.Outbox = nil
		observed, changed := r.Observe(job, restore.Rules{Since: configShard.Created}, now)
		if r = observed; !changed {
			t.Fatalf("listing %d changes nothing", i)
		}
		for at := range r.Outbox { // as the ledger notes it
			r.Outbox[at].Tally = &restore.Tally{Total: 13, Finished: 10, Failed: 1}
		}
		var err error
		if r, err = s.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return api.items[len(api.items)-1], len(r.Outbox)
}

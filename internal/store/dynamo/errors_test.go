package dynamo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"restorewatch/internal/restore"
	"restorewatch/internal/store/dynamo"
	"restorewatch/internal/store/storetest"
)

func TestMissingTableIsNamed(t *testing.T) {
	client, _, _ := open(t)
	s := dynamo.New(client, "nowhere")
	_, err := s.Load(t.Context(), target)
	storetest.WantFailure(t, err, "load "+target.String(), "table nowhere does not exist", "STATE_TABLE")
	_, err = s.Save(t.Context(), record(restore.Finished))
	storetest.WantFailure(t, err, "save job/j", "table nowhere does not exist", "STATE_TABLE")
	storetest.WantFailure(t, s.Drop(t.Context(), record(restore.Finished)), "drop job/j", "table nowhere does not exist")
	_, err = dynamo.Targets(t.Context(), client, "nowhere")
	storetest.WantFailure(t, err, "table nowhere does not exist")
}

func TestTableWithOtherKeysIsExplained(t *testing.T) {
	client, _, _ := open(t)
	name := "other-" + strings.ToLower(t.Name())
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:            &name,
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: new("pk"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: new("pk"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := dynamo.New(client, name)
	_, err = s.Load(t.Context(), target)
	storetest.WantFailure(t, err, name, "partition key target (S)")
	_, err = s.Save(t.Context(), record(restore.Finished))
	storetest.WantFailure(t, err, name, "sort key record (S)")
}

func TestRecordThatOutgrowsAnItemIsNamed(t *testing.T) {
	client, table, _ := open(t)
	_, err := dynamo.New(client, table).Save(t.Context(), record(restore.Status(strings.Repeat("x", 500_000))))
	storetest.WantFailure(t, err, "save job/j", table, "400 KB")
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	for kind, want := range map[string]string{
		"AccessDeniedException":                  "allow this role dynamodb:Query",
		"KMSAccessDeniedException":               "key",
		"UnrecognizedClientException":            "AWS_PROFILE",
		"ProvisionedThroughputExceededException": "on-demand",
		"InternalServerError":                    "InternalServerError",
	} {
		t.Run(kind, func(t *testing.T) {
			s := answering(t, 400, kind, "User is not authorized")
			_, err := s.Load(t.Context(), target)
			storetest.WantFailure(t, err, "load "+target.String(), "the-table", want)
			_, err = s.Save(t.Context(), record(restore.Finished))
			storetest.WantFailure(t, err, "save job/j", "the-table", want)
		})
	}
}

func TestItemsOfAnotherProgramAreNamed(t *testing.T) {
	for name, item := range map[string]map[string]any{
		"no version":      {"body": `{"format":1,"job":{}}`},
		"version a text":  {"body": `{"format":1,"job":{}}`, "version": "1"},
		"version 0":       {"body": `{"format":1,"job":{}}`, "version": 0},
		"no body":         {"version": 1},
		"body of numbers": {"version": 1, "body": 7},
	} {
		t.Run(name, func(t *testing.T) {
			client, table, _ := open(t)
			item["target"], item["record"] = target.String(), "job/odd"
			plant(t, client, table, item)
			_, err := dynamo.New(client, table).Load(t.Context(), target)
			storetest.WantFailure(t, err, table, "job/odd")
		})
	}
}

func TestTargetsAreListedOnce(t *testing.T) {
	client, table, _ := open(t)
	s := dynamo.New(client, table)
	var want []restore.Target
	for i := range 3 {
		of := restore.Target{Source: restore.Legacy, Project: "p", Cluster: fmt.Sprint("c", i)}
		want = append(want, of)
		for j := range 30 { // more than one page of a scan, which ends at 1 MB
			r := record(restore.Status(strings.Repeat("x", 20_000)))
			m := r.Memory.(restore.JobMemory)
			m.Job.ID = restore.JobID(fmt.Sprint(j))
			r.Target, r.Memory = of, m
			if _, err := s.Save(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := dynamo.Targets(t.Context(), client, table)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("targets %v, %v, want %v", got, err, want)
	}
}

func TestTargetsRefusesWhatIsNone(t *testing.T) {
	client, table, _ := open(t)
	plant(t, client, table, map[string]any{"target": "customers", "record": "1"})
	_, err := dynamo.Targets(t.Context(), client, table)
	storetest.WantFailure(t, err, table, "customers")
}

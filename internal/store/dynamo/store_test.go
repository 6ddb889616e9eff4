package dynamo_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"restorewatch/internal/restore"
	"restorewatch/internal/store/dynamo"
	"restorewatch/internal/store/storetest"
	"restorewatch/internal/testserver"
)

var target = restore.Target{Source: restore.Legacy, Project: "6b77777887d9d61443b41645", Cluster: "Cluster0"}

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		cfg := testserver.AWSConfig(t, testserver.DynamoDB(t))
		client, table := dynamodb.NewFromConfig(cfg), testserver.StateTable(t, cfg)
		return storetest.Fixture{
			Store: dynamo.New(client, table),
			Plant: func(t *testing.T, of restore.Target, key restore.Key, version int, body string) {
				plant(t, client, table, map[string]any{"target": of.String(), "record": string(key), "version": version, "body": body})
			},
		}
	})
}

// plant writes an item as it is.
func plant(t *testing.T, client *dynamodb.Client, table string, attributes map[string]any) {
	t.Helper()
	item := make(map[string]types.AttributeValue)
	for name, value := range attributes {
		switch v := value.(type) {
		case string:
			item[name] = &types.AttributeValueMemberS{Value: v}
		case int:
			item[name] = &types.AttributeValueMemberN{Value: fmt.Sprint(v)}
		}
	}
	if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item}); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) (client *dynamodb.Client, table string, cfg aws.Config) {
	cfg = testserver.AWSConfig(t, testserver.DynamoDB(t))
	return dynamodb.NewFromConfig(cfg), testserver.StateTable(t, cfg), cfg
}

package dynamo

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
)

// Scanner is what Targets asks of DynamoDB. It is apart from API because the Lambda function may not scan.
type Scanner interface {
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// Targets returns every target that has a record in table, in the order of their names. It reads the whole table.
func Targets(ctx context.Context, api Scanner, table string) ([]restore.Target, error) {
	found := make(map[string]restore.Target)
	pages := dynamodb.NewScanPaginator(api, &dynamodb.ScanInput{
		TableName:                &table,
		ConsistentRead:           new(true),
		ProjectionExpression:     new("#target"),
		ExpressionAttributeNames: map[string]string{"#target": attrTarget},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain("list the targets", table, err)
		}
		for _, i := range page.Items {
			name, _ := i[attrTarget].(*types.AttributeValueMemberS)
			if name == nil {
				continue
			}
			if _, known := found[name.Value]; known {
				continue
			}
			t, err := restore.ParseTarget(name.Value)
			if err != nil {
				return nil, store.Fail("list the targets in table "+table, err, "delete the items that are not restorewatch's")
			}
			found[name.Value] = t
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b restore.Target) int {
		return strings.Compare(a.String(), b.String())
	}), nil
}

package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
	"restorewatch/internal/watch"
)

// API is what a Store asks of DynamoDB. *dynamodb.Client has it, and retries what is throttled.
type API interface {
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
}

// A Store keeps ledgers in a table. It is safe for concurrent use.
type Store struct {
	api   API
	table string
}

var _ watch.Store = (*Store)(nil)

// New returns a store that keeps its records in table, which must exist.
func New(api API, table string) *Store { return &Store{api: api, table: table} }

// Load implements watch.Store with a consistent read of every page.
func (s *Store) Load(ctx context.Context, t restore.Target) (restore.Ledger, error) {
	ledger := restore.Ledger{Target: t, Records: make(map[restore.Key]restore.Record)}
	pages := dynamodb.NewQueryPaginator(s.api, &dynamodb.QueryInput{
		TableName:                 &s.table,
		ConsistentRead:            new(true),
		KeyConditionExpression:    new("#target = :target"),
		ProjectionExpression:      new("#record, #version, #body"),
		ExpressionAttributeNames:  map[string]string{"#target": attrTarget, "#record": attrRecord, "#version": attrVersion, "#body": attrBody},
		ExpressionAttributeValues: map[string]types.AttributeValue{":target": text(t.String())},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return restore.Ledger{}, s.explain("load "+t.String(), err)
		}
		for _, stored := range page.Items {
			r, err := decode(t, stored)
			if err != nil {
				return restore.Ledger{}, store.Fail("load "+t.String()+" from table "+s.table, err, "")
			}
			ledger.Records[r.Key()] = r
		}
	}
	return ledger, nil
}

// Save implements watch.Store with one conditional PutItem.
func (s *Store) Save(ctx context.Context, r restore.Record) (restore.Record, error) {
	doing := fmt.Sprintf("save %s of %s", r.Key(), r.Target)
	saved := r
	saved.Version++
	wanted, err := encode(saved)
	if err != nil {
		return restore.Record{}, err
	}
	put := &dynamodb.PutItemInput{TableName: &s.table, Item: wanted}
	put.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	if r.Version == 0 {
		put.ConditionExpression = new("attribute_not_exists(#target)")
		put.ExpressionAttributeNames = map[string]string{"#target": attrTarget}
	} else {
		put.ConditionExpression = new("#version = :version")
		put.ExpressionAttributeNames = map[string]string{"#version": attrVersion}
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":version": number(r.Version)}
	}
	_, err = s.api.PutItem(ctx, put)
	if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		// The SDK sends a write again when its answer was lost, and the second attempt then meets the item that the
		// first one wrote. Should another run have written the very same bytes, it is to publish the same events under
		// the same ids, which is harmless; so either way what we wanted is stored.
		if same(refused.Item, wanted) {
			return saved, nil
		}
		return restore.Record{}, store.Fail(doing, watch.ErrConflict, "")
	}
	if err != nil {
		return restore.Record{}, s.explain(doing, err)
	}
	return saved, nil
}

// Drop implements watch.Store. A record that is gone already is dropped: the answer to an earlier attempt was lost, or
// another run was faster, and both wanted the same.
func (s *Store) Drop(ctx context.Context, r restore.Record) error {
	doing := fmt.Sprintf("drop %s of %s", r.Key(), r.Target)
	_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName:                 &s.table,
		Key:                       keyOf(r),
		ConditionExpression:       new("attribute_not_exists(#version) OR #version = :version"),
		ExpressionAttributeNames:  map[string]string{"#version": attrVersion},
		ExpressionAttributeValues: map[string]types.AttributeValue{":version": number(r.Version)},
	})
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return store.Fail(doing, watch.ErrConflict, "")
	}
	if err != nil {
		return s.explain(doing, err)
	}
	return nil
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int) types.AttributeValue { return &types.AttributeValueMemberN{Value: strconv.Itoa(n)} }

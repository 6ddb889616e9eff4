package dynamo

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
)

// The attributes of an item. The last four are for people alone and absent when there is nothing to say.
const (
	attrTarget   = "target"
	attrRecord   = "record"
	attrVersion  = "version"
	attrBody     = "body"
	attrStatus   = "status"
	attrDelivery = "deliveryStatus"
	attrExpires  = "expires"
	attrUpdated  = "updated"
)

type item = map[string]types.AttributeValue

// encode returns the item of a record, with the version that it is to have.
func encode(r restore.Record) (item, error) {
	body, err := store.Encode(r)
	if err != nil {
		return nil, err
	}
	i := keyOf(r)
	i[attrVersion] = number(r.Version)
	i[attrBody] = text(string(body))
	for name, word := range words(r) {
		if word != "" {
			i[name] = text(word)
		}
	}
	return i, nil
}

func keyOf(r restore.Record) item {
	return item{attrTarget: text(r.Target.String()), attrRecord: text(string(r.Key()))}
}

// words returns what a person wants to see of a record in a table, without opening its document.
func words(r restore.Record) map[string]string {
	shown := map[string]string{attrUpdated: day(r.Updated)}
	switch m := r.Memory.(type) {
	case restore.JobMemory:
		shown[attrStatus] = string(m.Job.Status)
		shown[attrDelivery] = string(m.Job.Delivery.Status)
		shown[attrExpires] = day(m.Job.Delivery.Expires)
	case restore.BatchMemory:
		if len(m.Told) > 0 {
			shown[attrStatus] = string(m.Told[len(m.Told)-1])
		}
	case restore.TargetMemory:
		if m.Failing != nil {
			shown[attrStatus] = string(m.Failing.Kind)
		}
	}
	return shown
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// decode returns the record of an item of target t.
func decode(t restore.Target, i item) (restore.Record, error) {
	key, ok := i[attrRecord].(*types.AttributeValueMemberS)
	if !ok {
		return restore.Record{}, errors.New("an item has no text in its attribute record")
	}
	version, err := versionOf(i)
	if err != nil {
		return restore.Record{}, fmt.Errorf("%s: %w", key.Value, err)
	}
	body, ok := i[attrBody].(*types.AttributeValueMemberS)
	if !ok {
		return restore.Record{}, fmt.Errorf("%s: it has no text in its attribute body", key.Value)
	}
	return store.Decode(t, restore.Key(key.Value), version, []byte(body.Value))
}

func versionOf(i item) (int, error) {
	n, ok := i[attrVersion].(*types.AttributeValueMemberN)
	if !ok {
		return 0, errors.New("it has no number in its attribute version")
	}
	version, err := strconv.Atoi(n.Value)
	if err != nil || version < 1 {
		return 0, fmt.Errorf("its version %s is not a count", n.Value)
	}
	return version, nil
}

// same reports whether two items are the same record at the same version, byte for byte.
func same(a, b item) bool {
	for _, name := range []string{attrTarget, attrRecord, attrBody} {
		x, ok := a[name].(*types.AttributeValueMemberS)
		y, also := b[name].(*types.AttributeValueMemberS)
		if !ok || !also || x.Value != y.Value {
			return false
		}
	}
	x, err := versionOf(a)
	y, also := versionOf(b)
	return err == nil && also == nil && x == y
}

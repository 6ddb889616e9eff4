package dynamo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"restorewatch/internal/store"
)

// explain returns err as a failure of the state that names the table and says what to do.
func (s *Store) explain(doing string, err error) error { return explain(doing, s.table, err) }

func explain(doing, table string, err error) error {
	said, hint := fmt.Errorf("table %s: %w", table, err), ""
	failure, _ := errors.AsType[smithy.APIError](err)
	if failure == nil {
		return store.Fail(doing, said, hint)
	}
	switch failure.ErrorCode() {
	case "ResourceNotFoundException":
		said = fmt.Errorf("table %s does not exist in this account and region: %w", table, err)
		hint = "deploy the stack, or set STATE_TABLE to its output StateTableName and AWS_REGION to its region"
	case "AccessDeniedException", "KMSAccessDeniedException":
		said = fmt.Errorf("access to table %s is denied: %w", table, err)
		hint = "allow this role dynamodb:Query, PutItem and DeleteItem on the table, Scan for show, and the use of its key"
	case "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "MissingAuthenticationToken":
		hint = "the AWS credentials are refused: renew them, or check AWS_PROFILE"
	case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded":
		hint = "DynamoDB throttles the table: switch it to on-demand capacity, or wait; the next run tries again"
	case "ValidationException":
		hint = hintOfValidation(failure.ErrorMessage())
	}
	return store.Fail(doing, said, hint)
}

// hintOfValidation tells apart, by their text alone, the two mistakes that DynamoDB reports under one name.
func hintOfValidation(message string) string {
	if strings.Contains(message, "Item size") {
		return "one record has outgrown DynamoDB's 400 KB: publish its outbox, or delete the record to have its job recorded anew"
	}
	return "the table must have the partition key target (S) and the sort key record (S)"
}

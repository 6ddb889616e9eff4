// Package dynamo keeps records in a DynamoDB table with the partition key "target" (S) and the sort key "record" (S).
//
// Each record is one item: its version (N), its document (body, S), and beside it, for people who look at the table, a
// few words of the document that no program reads. A write is one conditional PutItem, so state and the events it
// caused are committed together or not at all.
package dynamo

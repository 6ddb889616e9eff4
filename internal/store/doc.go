// Package store turns records into bytes and back, and says what went wrong with them.
//
// A record is stored as one JSON document with a format number: readable for a person who opens the table, and compact,
// so that the item of a changed job stays within one write unit of DynamoDB (1 KB). Compactness comes from leaving out
// what is as usual: a document is the difference between its record and the most ordinary record there could be in its
// place. What counts as usual is part of the format and is said at each field.
//
// The subpackages keep the documents: dynamo in a table, sqlite in a file, mem in memory. All three pass storetest.
package store

// Package sqlite keeps records in a file, for laptops and servers without DynamoDB.
//
// The file is in write-ahead mode, so that somebody can look at it while a loop writes. A write is on the disk before it
// returns (synchronous=FULL), for what was published must have been saved, whatever the power supply does.
package sqlite

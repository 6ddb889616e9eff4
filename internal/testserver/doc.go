// Package testserver starts the real servers that tests talk to: DynamoDB Local for DynamoDB, moto for SNS, SQS and
// Secrets Manager.
//
// Each server is started at most once in a test binary, on a free port of the loopback interface, and stopped by the
// binary that started it. A server that is not installed fails the test and says how to install it; no test is skipped.
// A package that uses a server has
//
//	func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }
package testserver

// Package cookbook runs what docs/subscribe.md and docs/refresh-staging.md show to be copied: each filter on a moto server
// with events of every kind, each program against the server that it is meant for. It holds tests only.
package cookbook

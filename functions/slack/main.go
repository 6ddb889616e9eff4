// Command slack is the AWS Lambda function that posts the events of the topic to a Slack incoming webhook.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"restorewatch/internal/config"
	"restorewatch/internal/outbound"
	"restorewatch/internal/relay"
)

// main builds everything once, before the first record. If that is impossible every invocation fails and says why, and
// the dead-letter queue keeps what was to be posted.
func main() {
	outbound.GuardLog(os.Stderr)
	cfg, err := config.Load(os.Getenv, config.SlackFunction)
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: cfg.LogLevel}))
	if err != nil {
		lambda.Start(relay.Refuse(log, err))
		return
	}
	handler, err := relay.New(context.Background(), cfg.Slack, log)
	if err != nil {
		lambda.Start(relay.Refuse(log, err))
		return
	}
	lambda.Start(handler.Handle)
}

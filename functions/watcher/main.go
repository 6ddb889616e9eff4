// Command watcher is the AWS Lambda function: a scheduled tick makes one run over all targets.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"restorewatch/internal/config"
	"restorewatch/internal/outbound"
	"restorewatch/internal/service"
	"restorewatch/internal/tick"
)

// main builds everything once, before the first tick. If that is impossible every tick fails and says why: a process
// that ends instead would leave no more than "exited" in the answer that a person sees first.
func main() {
	outbound.GuardLog(os.Stderr)
	cfg, err := config.Load(os.Getenv, config.Function)
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: cfg.LogLevel}))
	if err != nil {
		lambda.Start(tick.Refuse(log, err))
		return
	}
	watcher, err := service.New(context.Background(), cfg, service.Parts{})
	if err != nil {
		lambda.Start(tick.Refuse(log, err))
		return
	}
	handler := tick.Handler{
		Runner: watcher.Watcher, Log: log, Metrics: os.Stdout, Calls: watcher.Calls, Deprecations: watcher.Deprecations,
	}
	lambda.Start(handler.Handle)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"restorewatch/internal/config"
	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
	"restorewatch/internal/service"
	"restorewatch/internal/watch"
)

var testEventCommand = command{
	name:  "test-event",
	brief: "send a marked test event through every output",
	long: `Sends one test event through every output that is configured (SNS, chat, EventBridge, Slack, webhook) and reports what
each one really answered. Nothing is watched and no state is touched.

The event is marked: people read "TEST" first, the JSON has "data": {"test": true}, the SNS message has the attribute
test = true. All else is as on a real event of that type, with the first target of WATCH that has no * in it. So a
subscriber that does not look at the mark does what it does on a real one. In particular

  restorewatch test-event --type job.status_changed

is a job that reached FINISHED, and starts the pipelines that wait for one: that is what it is for. The default is a
type that no pipeline starts on. A filter with "test": [{"exists": false}] keeps every test out.

That a topic or an event bus took the event does not say that its subscribers got it: look there.

Exit code: 0 if every output took it, 1 if one did not, 2 if none is configured.`,
	prepare: func(a *app, f *flags) action {
		f.configure(outputVariables...)
		kind := f.String("type", string(restore.JobCreated), "`TYPE` of the event: "+strings.Join(sampleTypes(), ", "))
		timeout := f.Duration("timeout", 30*time.Second, "`TIME` that each output has to answer")
		return func(ctx context.Context, _ []string) error { return a.testEvent(ctx, f, *kind, *timeout) }
	},
}

// outputVariables are what a command needs that only publishes.
var outputVariables = []string{
	config.EnvWatch, config.EnvBaseURL, config.EnvTopicARN, config.EnvSlackURL, config.EnvSlackSecret,
	config.EnvSlackMinSeverity, config.EnvChatTopicARN, config.EnvEventBus, config.EnvWebhookURL, config.EnvWebhookSecret,
}

func (a *app) testEvent(ctx context.Context, f *flags, kind string, timeout time.Duration) error {
	if timeout <= 0 {
		return misuse("--timeout: want a time over 0")
	}
	cfg, err := f.load(config.Reader)
	if err != nil {
		return err
	}
	event, err := sampleEvent(kind, cfg.Targets, a.now())
	if err != nil {
		return err
	}
	outputs, err := service.TestOutputs(ctx, cfg)
	if err != nil {
		return err
	}
	if len(outputs) == 0 {
		return misuse("no output is configured: set one or more of " + strings.Join([]string{config.EnvTopicARN, config.EnvChatTopicARN,
			config.EnvEventBus, config.EnvSlackSecret, config.EnvSlackURL, config.EnvWebhookURL}, ", "))
	}
	a.out.printf("sending %s%s, id %s\n", publish.TypePrefix, event.Type, event.ID)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return a.tellAnswers(cfg, event, outputs, send(ctx, event, outputs))
}

// send publishes the event to all outputs at once and returns what each one answered: nil if it took the event.
func send(ctx context.Context, event restore.Event, outputs []watch.Output) []error {
	answers := make([]error, len(outputs))
	var all sync.WaitGroup
	for i, output := range outputs {
		all.Go(func() {
			accepted, err := output.Publisher.Publish(ctx, []restore.Event{event})
			if err == nil && (len(accepted) != 1 || !accepted[0]) {
				err = errors.New("it did not take the event, and does not say why")
			}
			answers[i] = err
		})
	}
	all.Wait()
	return answers
}

// answerIndent is where the answer of an output goes on.
const answerIndent = 8

// tellAnswers prints a line for each output, and below it what to do about a failure.
func (a *app) tellAnswers(cfg config.Config, event restore.Event, outputs []watch.Output, answers []error) error {
	out := a.out.folded(answerIndent)
	failed := false
	for i, output := range outputs {
		err := answers[i]
		if err == nil {
			out.printf("%s      %s: %s\n", a.out.paint(green, "OK"), output.Name, taken(cfg, event, output.Name))
			continue
		}
		failed = true
		out.printf("%s  %s: %s\n", a.out.paint(red, "FAILED"), output.Name, publish.Line(err.Error(), maxMessage))
		if h, ok := errors.AsType[hinted](err); ok && h.Hint() != "" {
			out.printf("%swhat to do: %s\n", strings.Repeat(" ", answerIndent), publish.Line(h.Hint(), maxMessage))
		}
	}
	if failed {
		out.print("No test is kept for later: run it again once that is mended.\n")
		return errTold
	}
	return nil
}

// taken says what it means that an output took the event, and where to look.
func taken(cfg config.Config, event restore.Event, output string) string {
	switch output {
	case service.OutputSNS:
		return "topic " + cfg.TopicARN + " took it; whether its subscribers got it, only they can tell"
	case service.OutputChat:
		return "topic " + cfg.ChatTopicARN + " took it; look whether it is in the channel"
	case service.OutputEventBridge:
		return "event bus " + cfg.EventBus + " took it; its rules decide where it goes"
	case service.OutputSlack:
		return "Slack took it; look whether it is in the channel" + heldBack(cfg.Slack.MinSeverity, event.Severity)
	}
	return "the receiver took it"
}

// heldBack says that Slack would not have got a real event like the test.
func heldBack(least, severity restore.Severity) string {
	all := []restore.Severity{restore.Info, restore.Warning, restore.Critical}
	if slices.Index(all, severity) >= slices.Index(all, least) {
		return ""
	}
	return fmt.Sprintf(" (a real event of this type does not go there: it is %s, and %s is %s)",
		severity, config.EnvSlackMinSeverity, least)
}

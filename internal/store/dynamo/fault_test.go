package dynamo_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"restorewatch/internal/restore"
	"restorewatch/internal/store/dynamo"
	"restorewatch/internal/store/storetest"
	"restorewatch/internal/testserver"
	"restorewatch/internal/watch"
)

var errDown = errors.New("no route to DynamoDB")

// A network between a store and DynamoDB Local, which can lose requests or answers to writes. It counts calls.
type network struct {
	http.RoundTripper
	loseRequests, loseAnswers int    // how many, from the next write on
	meanwhile                 func() // what happens after the write whose answer is lost
	calls                     []string
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	_, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	n.calls = append(n.calls, call)
	write := call == "PutItem" || call == "DeleteItem"
	if write && n.loseRequests > 0 {
		n.loseRequests--
		return nil, errDown
	}
	response, err := n.RoundTripper.RoundTrip(r)
	if err != nil || !write || n.loseAnswers == 0 {
		return response, err
	}
	n.loseAnswers--
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if n.meanwhile != nil {
		n.meanwhile()
	}
	return nil, io.ErrUnexpectedEOF
}

// behindNetwork returns a store behind a network that loses nothing yet, and one of the same table beside it.
func behindNetwork(t *testing.T) (behind, beside *dynamo.Store, n *network) {
	cfg := testserver.AWSConfig(t, testserver.DynamoDB(t))
	table := testserver.StateTable(t, cfg)
	beside = dynamo.New(dynamodb.NewFromConfig(cfg), table)
	n = &network{RoundTripper: cfg.HTTPClient.(*http.Client).Transport}
	cfg.HTTPClient = &http.Client{Transport: n}
	return dynamo.New(dynamodb.NewFromConfig(cfg), table), beside, n
}

func record(status restore.Status) restore.Record {
	now := time.Date(2026, 11, 23, 18, 30, 0, 0, time.UTC)
	return restore.Record{Target: target, Updated: now, Memory: restore.JobMemory{Job: restore.Job{ID: "j", Status: status}, Changed: now}}
}

// stored returns the status of the one job in the table, or "" if there is none.
func stored(t *testing.T, s *dynamo.Store) restore.Status {
	t.Helper()
	ledger, err := s.Load(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := ledger.Records["job/j"].Memory.(restore.JobMemory)
	return m.Job.Status
}

const always = 1000

func TestSaveThatIsNotApplied(t *testing.T) {
	behind, beside, n := behindNetwork(t)
	n.loseRequests = always
	_, err := behind.Save(t.Context(), record(restore.Finished))
	if !errors.Is(err, errDown) || errors.Is(err, watch.ErrConflict) {
		t.Errorf("error %v, want that of the network", err)
	}
	storetest.WantFailure(t, err, "save job/j of "+target.String())
	if got := stored(t, beside); got != "" {
		t.Errorf("stored is %s, want nothing", got)
	}
}

func TestSaveThatIsAppliedButReportedFailed(t *testing.T) {
	behind, beside, n := behindNetwork(t)
	n.loseAnswers, n.loseRequests = 1, 0
	n.meanwhile = func() { n.loseRequests = always } // no retry gets through
	_, err := behind.Save(t.Context(), record(restore.Finished))
	if err == nil || errors.Is(err, watch.ErrConflict) {
		t.Errorf("error %v, want one that is no conflict", err)
	}
	if got := stored(t, beside); got != restore.Finished {
		t.Errorf("stored is %q, want FINISHED", got)
	}
}

// TestSaveWhoseAnswerIsLost lets the SDK repeat a write that was applied. The repetition fails its own condition.
func TestSaveWhoseAnswerIsLost(t *testing.T) {
	behind, beside, n := behindNetwork(t)
	for _, status := range []restore.Status{restore.InProgress, restore.Finished} { // a create and a replace
		ledger, err := beside.Load(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		r := record(status)
		r.Version = ledger.Records["job/j"].Version
		n.loseAnswers, n.calls = 1, nil
		saved, err := behind.Save(t.Context(), r)
		if err != nil {
			t.Fatalf("save %s: %v", status, err)
		}
		if len(n.calls) != 2 {
			t.Errorf("%s: calls %v, want the write and its repetition", status, n.calls)
		}
		if ledger, err = beside.Load(t.Context(), target); err != nil || !reflect.DeepEqual(ledger.Records["job/j"], saved) {
			t.Errorf("%s: stored is %+v, %v, want what Save returned: %+v", status, ledger.Records["job/j"], err, saved)
		}
	}
}

func TestSaveWhoseAnswerIsLostAndThatIsOverwrittenSince(t *testing.T) {
	behind, beside, n := behindNetwork(t)
	n.loseAnswers = 1
	n.meanwhile = func() {
		mine := record(restore.Broken)
		mine.Version = 1
		if _, err := beside.Save(context.WithoutCancel(t.Context()), mine); err != nil {
			t.Error(err)
		}
	}
	if _, err := behind.Save(t.Context(), record(restore.Finished)); !errors.Is(err, watch.ErrConflict) {
		t.Errorf("error %v, want ErrConflict: another run has gone on from there", err)
	}
	if got := stored(t, beside); got != restore.Broken {
		t.Errorf("stored is %s, want the other run's BROKEN", got)
	}
}

func TestDropInPairs(t *testing.T) {
	behind, beside, n := behindNetwork(t)
	saved, err := behind.Save(t.Context(), record(restore.Finished))
	if err != nil {
		t.Fatal(err)
	}
	n.loseRequests = always
	if err := behind.Drop(t.Context(), saved); !errors.Is(err, errDown) {
		t.Errorf("drop that is not applied: error %v, want that of the network", err)
	}
	if got := stored(t, beside); got != restore.Finished {
		t.Errorf("after a drop that was not applied stored is %q, want FINISHED", got)
	}
	n.loseRequests, n.loseAnswers = 0, 1
	if err := behind.Drop(t.Context(), saved); err != nil {
		t.Errorf("drop whose answer is lost: %v", err)
	}
	if got := stored(t, beside); got != "" {
		t.Errorf("after a drop whose answer was lost stored is %q, want nothing", got)
	}
}

func TestThrottledSaveIsTriedAgain(t *testing.T) {
	cfg := testserver.AWSConfig(t, testserver.DynamoDB(t))
	table := testserver.StateTable(t, cfg)
	throttled := false
	transport := cfg.HTTPClient.(*http.Client).Transport
	cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if throttled {
			return transport.RoundTrip(r)
		}
		throttled = true
		return answer(400, "ThrottlingException", "Rate exceeded"), nil
	})}
	s := dynamo.New(dynamodb.NewFromConfig(cfg), table)
	if _, err := s.Save(t.Context(), record(restore.Finished)); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, s); got != restore.Finished {
		t.Errorf("stored is %q, want FINISHED", got)
	}
}

// TestCallsCost counts calls: one Query for a ledger that fits a page, one PutItem for a record.
func TestCallsCost(t *testing.T) {
	behind, _, n := behindNetwork(t)
	saved, err := behind.Save(t.Context(), record(restore.InProgress))
	if err != nil {
		t.Fatal(err)
	}
	stored(t, behind)
	if err := behind.Drop(t.Context(), saved); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(n.calls, " "); got != "PutItem Query DeleteItem" {
		t.Errorf("calls %s, want one for each of Save, Load and Drop", got)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer is what DynamoDB says when it refuses a request.
func answer(status int, kind, message string) *http.Response {
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:       io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.dynamodb.v20120810#` + kind + `","message":"` + message + `"}`)),
	}
}

// answering returns a store whose DynamoDB refuses every request.
func answering(t *testing.T, status int, kind, message string) *dynamo.Store {
	cfg := testserver.AWSConfig(t, "http://127.0.0.1:0")
	cfg.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return answer(status, kind, message), nil
	})}
	return dynamo.New(dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }), "the-table")
}

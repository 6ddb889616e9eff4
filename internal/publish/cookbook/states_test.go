package cookbook

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/testserver"
)

// A machine is a state machine in the Amazon States Language, as far as these tests read it.
type machine struct {
	StartAt string
	States  map[string]map[string]any
}

// definition returns the state machine in the page's file of that name.
func definition(t *testing.T, file string) machine {
	t.Helper()
	for _, b := range blocks(t, "refresh-staging.md") {
		if b.lang == "json "+file {
			return decode[machine](t, b.text)
		}
	}
	t.Fatalf("the page has no %s", file)
	return machine{}
}

func TestStateMachinesAreWhole(t *testing.T) {
	for _, file := range []string{"refresh-staging.asl.json", "start-by-name.asl.json"} {
		checkMachine(t, file, definition(t, file))
	}
}

// checkMachine complains of states that do not exist, that nothing leads to, or that lead nowhere.
func checkMachine(t *testing.T, file string, m machine) {
	t.Helper()
	reached := map[string]bool{m.StartAt: true}
	for name, state := range m.States {
		next := nexts(state)
		for _, n := range next {
			reached[n] = true
		}
		over := state["End"] == true || state["Type"] == "Succeed" || state["Type"] == "Fail"
		if state["Type"] == nil || len(next) == 0 && !over || state["End"] == true && state["Next"] != nil {
			t.Errorf("%s: %s has no type, or neither an end nor a next, or both", file, name)
		}
		if state["Type"] == "Choice" && state["Default"] == nil {
			t.Errorf("%s: %s has no default", file, name)
		}
		if inner, ok := state["ItemProcessor"]; ok {
			checkMachine(t, file+": "+name, convert[machine](t, inner))
		}
	}
	if got, want := slices.Sorted(maps.Keys(reached)), slices.Sorted(maps.Keys(m.States)); !slices.Equal(got, want) {
		t.Errorf("%s: leads to %q, has %q", file, got, want)
	}
}

// nexts returns the states that a state may lead to.
func nexts(state map[string]any) []string {
	var all []string
	for _, key := range []string{"Next", "Default"} {
		if name, ok := state[key].(string); ok {
			all = append(all, name)
		}
	}
	for _, key := range []string{"Choices", "Catch"} {
		rules, _ := state[key].([]any)
		for _, rule := range rules {
			all = append(all, rule.(map[string]any)["Next"].(string))
		}
	}
	return all
}

// Whatever fails before the team is told of success, the team is told of.
func TestEveryFailureIsTold(t *testing.T) {
	m := definition(t, "refresh-staging.asl.json")
	for name, state := range m.States {
		if state["Type"] != "Task" || strings.HasPrefix(name, "Tell") {
			continue
		}
		if !slices.Contains(nexts(map[string]any{"Catch": state["Catch"]}), "TellFailure") {
			t.Errorf("%s fails without a word", name)
		}
	}
}

// The way through refresh-staging, with the tasks' work left out.
func TestRefreshGoesOnIfFinished(t *testing.T) {
	for finished, want := range map[bool]string{true: "SUCCEEDED", false: "FAILED"} {
		m := definition(t, "refresh-staging.asl.json")
		for name, state := range m.States {
			if state["Type"] == "Task" {
				m.States[name] = map[string]any{"Type": "Pass", "Parameters": state["Parameters"], "ResultPath": "$.told"}
				maps.Copy(m.States[name], only(state, "Next", "End"))
			}
		}
		m.States["CheckJob"] = map[string]any{
			"Type": "Pass", "Result": map[string]any{"finished": finished}, "ResultPath": "$.check", "Next": "IsFinished",
		}
		got := execute(t, m, body(publishtest.Finished()))
		if got.Status != want {
			t.Errorf("finished %v: %s, want %s", finished, got.Status, want)
		}
		if finished && !strings.Contains(got.Output, "Staging is fresh. Restore of Cluster0 finished") {
			t.Errorf("the team is told %s", got.Output)
		}
	}
}

// start-by-name gives each event of its list the hash of source and id for a name, and the event for input.
func TestStartByNameNamesTheFact(t *testing.T) {
	m := definition(t, "start-by-name.asl.json")
	inner := convert[machine](t, m.States["EachEvent"]["ItemProcessor"])
	start := inner.States["Start"]
	inner.States = map[string]map[string]any{"Start": {"Type": "Pass", "Parameters": start["Parameters"], "End": true}}
	m.States["EachEvent"]["ItemProcessor"] = inner

	e := publishtest.Finished()
	got := execute(t, m, "["+body(e)+","+body(publishtest.BatchFinished())+"]")
	calls := decode[[]struct {
		StateMachineArn, Name string
		Input                 struct{ ID string }
	}](t, got.Output)
	sum := sha256.Sum256([]byte(renderer.Source(e) + " " + e.ID))
	if len(calls) != 2 || calls[0].Name != hex.EncodeToString(sum[:]) || calls[0].Input.ID != e.ID || calls[1].Name == calls[0].Name {
		t.Errorf("starts %+v, want the first under the name %x", calls, sum)
	}
}

func only(state map[string]any, keys ...string) map[string]any {
	out := make(map[string]any)
	for _, key := range keys {
		if v, ok := state[key]; ok {
			out[key] = v
		}
	}
	return out
}

func convert[T any](t *testing.T, v any) T {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return decode[T](t, string(text))
}

// An outcome is how an execution ended.
type outcome struct{ Status, Output string }

// execute runs a state machine in moto's interpreter.
func execute(t *testing.T, m machine, input string) outcome {
	t.Helper()
	moto := testserver.Moto(t)
	interpret(t, moto, true)
	defer interpret(t, moto, false)
	account := fmt.Sprintf("%012d", mathrand.Int64N(1e12)) // the interpreter bears one execution in each
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	arn := newMachine(t, moto, account, string(text))
	started := call(t, moto, account, "StartExecution", map[string]any{"stateMachineArn": arn, "name": "once", "input": input})
	for range 600 {
		out := call(t, moto, account, "DescribeExecution", map[string]any{"executionArn": started["executionArn"]})
		if out["status"] != "RUNNING" {
			output, _ := out["output"].(string)
			return outcome{out["status"].(string), output}
		}
		pause(t)
	}
	t.Fatal("the execution does not end")
	return outcome{}
}

// pause gives moto's interpreter, which is another process, a moment.
func pause(t *testing.T) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	case <-time.After(50 * time.Millisecond):
	}
}

// interpret says whether moto runs state machines; otherwise it records what is started, and takes names as AWS does.
func interpret(t *testing.T, moto string, on bool) {
	t.Helper()
	config := fmt.Sprintf(`{"stepfunctions":{"execute_state_machine":%t}}`, on)
	response, err := http.Post(moto+"/moto-api/config", "application/json", strings.NewReader(config))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("configure moto: %s", response.Status)
	}
}

func newMachine(t *testing.T, moto, account, definition string) (arn string) {
	t.Helper()
	out := call(t, moto, account, "CreateStateMachine", map[string]any{
		"name": "m-" + rand.Text(), "definition": definition, "roleArn": "arn:aws:iam::123456789012:role/machine",
	})
	return out["stateMachineArn"].(string)
}

// executions returns the names of a state machine's executions.
func executions(t *testing.T, moto, machine string) []string {
	t.Helper()
	out := convert[struct{ Executions []struct{ Name string } }](t,
		call(t, moto, account, "ListExecutions", map[string]any{"stateMachineArn": machine}))
	var all []string
	for _, e := range out.Executions {
		all = append(all, e.Name)
	}
	return all
}

// call calls Step Functions on a moto server, which wants to know account and region, and no signature.
func call(t *testing.T, moto, account, action string, in map[string]any) map[string]any {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, moto, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AWSStepFunctions."+action)
	r.Header.Set("X-Moto-Account-Id", account)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDTEST/20180122/"+region+"/states/aws4_request, SignedHeaders=host, Signature=none")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %v: %.500s", action, response.Status, err, answer)
	}
	return decode[map[string]any](t, string(answer))
}

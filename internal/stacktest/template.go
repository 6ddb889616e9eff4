package stacktest

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"restorewatch/internal/testserver"
)

// Path is where the template is, seen from a package two folders below the root.
const Path = "../../template.yaml"

//go:embed translate.py
var program string

// A Template is the translated template, as JSON without types of its own.
type Template struct {
	Parameters map[string]Parameter
	Resources  map[string]Resource
	Outputs    map[string]Output
	Conditions map[string]any
	Rules      map[string]Rule
}

// A Parameter is one of the template's parameters. Default is nil if it has none.
type Parameter struct {
	Type    string
	Default any
}

// A Resource is one of the template's resources.
type Resource struct {
	Type                string
	Condition           string `json:",omitempty"`
	DeletionPolicy      string `json:",omitempty"`
	UpdateReplacePolicy string `json:",omitempty"`
	DependsOn           any    `json:",omitempty"`
	Properties          map[string]any
}

// An Output is one of the template's outputs.
type Output struct {
	Condition string `json:",omitempty"`
	Value     any
}

// A Rule refuses parameters that do not go together.
type Rule struct {
	RuleCondition any
	Assertions    []struct {
		Assert            any
		AssertDescription string
	}
}

var translated struct {
	once sync.Once
	text []byte
	err  error
}

// Translate returns the template as the SAM translator leaves it; each caller gets a copy.
func Translate(t testing.TB) Template {
	t.Helper()
	python := testserver.Tool(t, "python3")
	translated.once.Do(func() {
		cmd := exec.Command(python, "-", Path)
		cmd.Stdin = strings.NewReader(program)
		if translated.text, translated.err = cmd.Output(); translated.err != nil {
			translated.err = fmt.Errorf("translate template.yaml: %w%s", translated.err, stderr(translated.err))
		}
	})
	if translated.err != nil {
		t.Fatal(translated.err)
	}
	var template Template
	if err := json.Unmarshal(translated.text, &template); err != nil {
		t.Fatalf("translate template.yaml: %v", err)
	}
	return template
}

func stderr(err error) string {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return "\n" + string(e.Stderr)
	}
	return ""
}

// A Statement is one statement of an IAM policy.
type Statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    []string
	Resource  any
	Condition any
}

// Statements returns the statements of a policy document. Of a conditional one it returns what it grants if the
// condition holds: that is the most which can be granted.
func Statements(t testing.TB, document any) []Statement {
	t.Helper()
	var all []Statement
	for _, raw := range dig(t, document, "Statement").([]any) {
		s := raw.(map[string]any)
		if branches, ok := s["Fn::If"].([]any); ok {
			s = branches[1].(map[string]any)
		}
		sid, _ := s["Sid"].(string)
		effect, _ := s["Effect"].(string)
		all = append(all, Statement{sid, effect, s["Principal"], list(s["Action"]), s["Resource"], s["Condition"]})
	}
	return all
}

// RoleStatements returns the statements of every policy in a role.
func (template Template) RoleStatements(t testing.TB, role string) []Statement {
	t.Helper()
	var all []Statement
	for _, policy := range template.Get(t, role, "Policies").([]any) {
		all = append(all, Statements(t, dig(t, policy, "PolicyDocument"))...)
	}
	return all
}

// CodeActions returns the IAM actions of a function's role that its own code needs, sorted. Those on logs and of dead
// letters are Lambda's and those on keys are made by other services in the role's name: no call of the code shows them.
func (template Template) CodeActions(t testing.TB, role string) []string {
	t.Helper()
	var actions []string
	for _, s := range template.RoleStatements(t, role) {
		for _, action := range s.Action {
			if !strings.HasPrefix(action, "logs:") && !strings.HasPrefix(action, "kms:") && !strings.HasPrefix(action, "sqs:") {
				actions = append(actions, action)
			}
		}
	}
	slices.Sort(actions)
	return slices.Compact(actions)
}

// Get returns a property of a resource, found by the names of the fields on the way to it.
func (template Template) Get(t testing.TB, resource string, fields ...string) any {
	t.Helper()
	r, ok := template.Resources[resource]
	if !ok {
		t.Fatalf("the template has no resource %s", resource)
	}
	return dig(t, r.Properties, fields...)
}

// dig returns what lies below the named fields, or nil.
func dig(t testing.TB, value any, fields ...string) any {
	t.Helper()
	for _, field := range fields {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[field]
	}
	return value
}

// list reads a string or an array of strings.
func list(value any) []string {
	if one, ok := value.(string); ok {
		return []string{one}
	}
	var all []string
	for _, v := range value.([]any) {
		all = append(all, v.(string))
	}
	return all
}

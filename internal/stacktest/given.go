package stacktest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// Given returns the template as CloudFormation reads it with those values for its parameters: conditions decided, and
// what they leave out left out. It fails the test on a parameter that the template does not have.
func (template Template) Given(t testing.TB, parameters map[string]string) Template {
	t.Helper()
	g := template.given(t, parameters)
	settled := Template{Parameters: template.Parameters, Resources: map[string]Resource{}, Outputs: map[string]Output{}}
	for name, r := range template.Resources {
		if r.Condition != "" && !g.holds(map[string]any{"Condition": r.Condition}) {
			continue
		}
		properties, _ := g.settle(r.Properties)
		r.Condition, r.Properties = "", properties.(map[string]any)
		settled.Resources[name] = r
	}
	for name, o := range template.Outputs {
		if o.Condition != "" && !g.holds(map[string]any{"Condition": o.Condition}) {
			continue
		}
		o.Condition = ""
		o.Value, _ = g.settle(o.Value)
		settled.Outputs[name] = o
	}
	return settled
}

// Refusals returns what the template's rules say against those values for its parameters, sorted.
func (template Template) Refusals(t testing.TB, parameters map[string]string) []string {
	t.Helper()
	g := template.given(t, parameters)
	var all []string
	for _, rule := range template.Rules {
		if rule.RuleCondition != nil && !g.holds(rule.RuleCondition) {
			continue
		}
		for _, a := range rule.Assertions {
			if !g.holds(a.Assert) {
				all = append(all, a.AssertDescription)
			}
		}
	}
	slices.Sort(all)
	return all
}

// A given template has a value for each parameter.
type given struct {
	t          testing.TB
	values     map[string]string
	conditions map[string]any
}

func (template Template) given(t testing.TB, parameters map[string]string) given {
	t.Helper()
	g := given{t, maps.Clone(parameters), template.Conditions}
	if g.values == nil {
		g.values = map[string]string{}
	}
	for name := range parameters {
		if _, ok := template.Parameters[name]; !ok {
			t.Fatalf("the template has no parameter %s", name)
		}
	}
	for name, p := range template.Parameters {
		if _, ok := g.values[name]; !ok && p.Default != nil {
			g.values[name] = fmt.Sprint(p.Default)
		}
	}
	return g
}

// holds decides a condition.
func (g given) holds(condition any) bool {
	g.t.Helper()
	name, operand := only(condition)
	switch name {
	case "Condition":
		return g.holds(g.conditions[operand.(string)])
	case "Fn::Equals":
		pair := operand.([]any)
		return g.text(pair[0]) == g.text(pair[1])
	case "Fn::Not":
		return !g.holds(operand.([]any)[0])
	case "Fn::Or":
		return slices.ContainsFunc(operand.([]any), g.holds)
	}
	g.t.Fatalf("%v is no condition that is known here", condition)
	return false
}

// text returns what a condition compares.
func (g given) text(v any) string {
	if name, operand := only(v); name == "Ref" {
		return g.values[operand.(string)]
	}
	return fmt.Sprint(v)
}

// settle returns v with its conditions decided, and whether anything is left of it.
func (g given) settle(v any) (any, bool) {
	switch name, operand := only(v); {
	case name == "Ref" && operand == "AWS::NoValue":
		return nil, false
	case name == "Fn::If":
		branches := operand.([]any)
		if g.holds(map[string]any{"Condition": branches[0]}) {
			return g.settle(branches[1])
		}
		return g.settle(branches[2])
	}
	switch v := v.(type) {
	case map[string]any:
		left := map[string]any{}
		for name, field := range v {
			if settled, ok := g.settle(field); ok {
				left[name] = settled
			}
		}
		return left, true
	case []any:
		left := []any{}
		for _, element := range v {
			if settled, ok := g.settle(element); ok {
				left = append(left, settled)
			}
		}
		return left, true
	}
	return v, true
}

// only returns the name and the value of an object's one field, or "" if v is no such object.
func only(v any) (string, any) {
	object, _ := v.(map[string]any)
	if len(object) != 1 {
		return "", nil
	}
	for name, value := range object {
		return name, value
	}
	return "", nil
}

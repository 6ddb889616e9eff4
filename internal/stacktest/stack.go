package stacktest

import (
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// A Stack is the template as created on a moto server.
type Stack struct {
	Status    string            // CloudFormation's word
	Outputs   map[string]string // the values by name
	Resources map[string]string // the physical ids by the names of the template

	endpoint string
}

// Create makes a stack of the translated template on the moto server at endpoint, with values for its parameters.
func Create(t testing.TB, endpoint string, parameters map[string]string) Stack {
	t.Helper()
	template := Translate(t)
	for _, r := range template.Resources {
		if r.Type == "AWS::Lambda::Function" { // where sam package would name its upload: a function of moto's is never run
			r.Properties["Code"] = map[string]any{"ZipFile": "bootstrap"}
		}
	}
	// It shows the alarms by their ARNs, and moto makes no alarms.
	delete(template.Resources, "Dashboard")
	body, err := json.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	name := "restorewatch-" + strings.ToLower(rand.Text()[:8])
	form := url.Values{
		"StackName": {name}, "TemplateBody": {string(body)}, "Capabilities.member.1": {"CAPABILITY_IAM"},
	}
	i := 0
	for key, value := range parameters {
		i++
		member := "Parameters.member." + strconv.Itoa(i)
		form.Set(member+".ParameterKey", key)
		form.Set(member+".ParameterValue", value)
	}
	s := Stack{endpoint: endpoint}
	s.cloudformation(t, "CreateStack", form, nil)
	s.describe(t, name)
	return s
}

func (s *Stack) describe(t testing.TB, name string) {
	t.Helper()
	var stacks struct {
		Status  string `xml:"DescribeStacksResult>Stacks>member>StackStatus"`
		Outputs []struct {
			Key   string `xml:"OutputKey"`
			Value string `xml:"OutputValue"`
		} `xml:"DescribeStacksResult>Stacks>member>Outputs>member"`
	}
	s.cloudformation(t, "DescribeStacks", url.Values{"StackName": {name}}, &stacks)
	var resources struct {
		All []struct {
			Logical  string `xml:"LogicalResourceId"`
			Physical string `xml:"PhysicalResourceId"`
		} `xml:"DescribeStackResourcesResult>StackResources>member"`
	}
	s.cloudformation(t, "DescribeStackResources", url.Values{"StackName": {name}}, &resources)
	s.Status, s.Outputs, s.Resources = stacks.Status, map[string]string{}, map[string]string{}
	for _, o := range stacks.Outputs {
		s.Outputs[o.Key] = o.Value
	}
	for _, r := range resources.All {
		s.Resources[r.Logical] = r.Physical
	}
}

// Environment returns the environment variables that the stack gives a function, with every reference resolved.
func (s Stack) Environment(t testing.TB, function string) map[string]string {
	t.Helper()
	path := "/2015-03-31/functions/" + url.PathEscape(s.Resources[function]) + "/configuration"
	var configuration struct {
		Environment struct {
			Variables map[string]any // moto leaves a Number what it is, where CloudFormation makes a string of it
		}
	}
	body := s.call(t, "lambda", http.MethodGet, path, nil)
	if err := json.Unmarshal(body, &configuration); err != nil {
		t.Fatalf("get the function's configuration: %v in %s", err, body)
	}
	env := map[string]string{}
	for name, value := range configuration.Environment.Variables {
		env[name] = fmt.Sprint(value)
	}
	return env
}

// Subscribe makes the subscriptions of queues that the template has, given its parameters, with all their properties: moto
// makes none of its own accord. It returns how many there are.
func (s Stack) Subscribe(t testing.TB, template Template) int {
	t.Helper()
	n := 0
	for _, r := range template.Resources {
		if r.Type != "AWS::SNS::Subscription" || r.Properties["Protocol"] != "sqs" {
			continue
		}
		form := url.Values{"Protocol": {"sqs"}, "TopicArn": {s.arn(t, r.Properties["TopicArn"])}, "Endpoint": {s.arn(t, r.Properties["Endpoint"])}}
		i := 0
		for _, attribute := range []string{"FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy"} {
			value, ok := r.Properties[attribute]
			if !ok {
				continue
			}
			i++
			form.Set(fmt.Sprintf("Attributes.entry.%d.key", i), attribute)
			form.Set(fmt.Sprintf("Attributes.entry.%d.value", i), s.attribute(t, value))
		}
		form.Set("Action", "Subscribe")
		form.Set("Version", "2010-03-31")
		s.call(t, "sns", http.MethodPost, "/", strings.NewReader(form.Encode()))
		n++
	}
	return n
}

// attribute renders a property of a subscription in the way in which CloudFormation hands it to SNS.
func (s Stack) attribute(t testing.TB, property any) string {
	t.Helper()
	policy, ok := property.(map[string]any)
	if !ok {
		return fmt.Sprint(property)
	}
	if target, ok := policy["deadLetterTargetArn"]; ok {
		policy = map[string]any{"deadLetterTargetArn": s.arn(t, target)}
	}
	text, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// arn resolves a reference to a topic or a queue.
func (s Stack) arn(t testing.TB, reference any) string {
	t.Helper()
	switch name, operand := only(reference); name {
	case "Ref":
		return s.Resources[operand.(string)]
	case "Fn::GetAtt":
		queue := s.Resources[operand.([]any)[0].(string)]
		return "arn:aws:sqs:eu-west-1:123456789012:" + queue[strings.LastIndex(queue, "/")+1:]
	}
	t.Fatalf("%v is no reference to a topic or a queue", reference)
	return ""
}

// cloudformation makes one call of the query API and reads its answer into out.
func (s Stack) cloudformation(t testing.TB, action string, form url.Values, out any) {
	t.Helper()
	form.Set("Action", action)
	form.Set("Version", "2010-05-15")
	body := s.call(t, "cloudformation", http.MethodPost, "/", strings.NewReader(form.Encode()))
	if out == nil {
		return
	}
	if err := xml.Unmarshal(body, out); err != nil {
		t.Fatalf("%s: %v in %s", action, err, body)
	}
}

// call makes one request. moto finds the service in the credential's scope and checks no signature.
func (s Stack) call(t testing.TB, service, method, path string, body io.Reader) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.endpoint+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", fmt.Sprintf(
		"AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/eu-west-1/%s/aws4_request, SignedHeaders=host, Signature=0", service))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s%s: %s: %s", method, service, path, res.Status, answer)
	}
	return answer
}

package stacktest_test

import (
	"maps"
	"os"
	"slices"
	"testing"

	"restorewatch/internal/config"
	"restorewatch/internal/stacktest"
	"restorewatch/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

var given = map[string]string{
	"Watch":                "legacy:p1/A legacy:p2/B",
	"CredentialsSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:atlas/key-AbCdEf",
	"AlarmEmail":           "ops@example.com",
}

// What the stack gives the function is a configuration in which nothing is wrong, and all defaults are those of the
// program.
func TestStackConfiguresTheFunction(t *testing.T) {
	stack := stacktest.Create(t, testserver.Moto(t), given)
	if stack.Status != "CREATE_COMPLETE" {
		t.Errorf("the stack is %s", stack.Status)
	}
	env := stack.Environment(t)
	got, err := config.Load(func(name string) string { return env[name] }, config.Function)
	if err != nil {
		t.Fatal(err)
	}
	want, err := config.Load(func(name string) string {
		return map[string]string{
			"WATCH": given["Watch"], "ATLAS_CREDENTIALS_SECRET": given["CredentialsSecretArn"],
			"STATE_TABLE": stack.Outputs["StateTableName"], "EVENTS_TOPIC_ARN": stack.Outputs["EventsTopicArn"],
		}[name]
	}, config.Function)
	if err != nil {
		t.Fatal(err)
	}
	got.PrivateKey, want.PrivateKey = config.Secret{}, config.Secret{}
	equal(t, "the configuration", got, want)
	if stack.Outputs["WatcherFunctionName"] == "" {
		t.Error("no output WatcherFunctionName")
	}
}

// The names in the template are the names in the program, both ways.
func TestStackNamesEveryVariable(t *testing.T) {
	var want []string
	for _, v := range config.Variables() {
		if !v.Local {
			want = append(want, v.Name)
		}
	}
	want = append(want, "GOMEMLIMIT") // read by Go's runtime
	slices.Sort(want)
	variables := stacktest.Translate(t).Get(t, "WatcherFunction", "Environment", "Variables").(map[string]any)
	equal(t, "the names", slices.Sorted(maps.Keys(variables)), want)
}

package testserver

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestDynamoDBServesAStateTable(t *testing.T) {
	cfg := AWSConfig(t, DynamoDB(t))
	table := StateTable(t, cfg)
	described, err := dynamodb.NewFromConfig(cfg).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	if got := described.Table.TableStatus; got != "ACTIVE" {
		t.Errorf("table is %s, want ACTIVE", got)
	}
}

func TestMotoServesTopics(t *testing.T) {
	client := sns.NewFromConfig(AWSConfig(t, Moto(t)))
	topic, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: new("testserver")})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(*topic.TopicArn, "arn:aws:sns:eu-west-1:") {
		t.Errorf("topic %s, want one of eu-west-1", *topic.TopicArn)
	}
}

func TestServersAreSharedAndOnLoopback(t *testing.T) {
	for name, server := range map[string]func(testing.TB) string{"DynamoDB": DynamoDB, "Moto": Moto} {
		endpoint := server(t)
		if again := server(t); again != endpoint {
			t.Errorf("%s: second call gave %s after %s", name, again, endpoint)
		}
		host, _, err := net.SplitHostPort(strings.TrimPrefix(endpoint, "http://"))
		if err != nil || !net.ParseIP(host).IsLoopback() {
			t.Errorf("%s: endpoint %s is not on loopback", name, endpoint)
		}
	}
}

func TestMissingServerSaysHowToInstallIt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Chdir(emptyRepository(t))
	for name, start := range map[string]func() (string, error){"DynamoDB Local": startDynamoDBLocal, "moto": startMoto} {
		_, err := start()
		if err == nil || !strings.Contains(err.Error(), ".ci/setup") {
			t.Errorf("%s: error %v, want one that names .ci/setup", name, err)
		}
	}
}

// emptyRepository returns a repository in which nothing is installed.
func emptyRepository(t *testing.T) string {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/go.mod", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

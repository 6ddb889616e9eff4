package atlassim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Job is one restore job as the API's page lists it. Times are UTC in whole seconds. A field that the page calls
// optional is left out of the JSON while it is zero.
type Job struct {
	BatchID           string    `json:"batchId,omitempty"` // sharded clusters only
	ClusterID         string    `json:"clusterId,omitempty"`
	ClusterName       string    `json:"clusterName,omitempty"`
	Created           time.Time `json:"created,omitzero"`
	Delivery          Delivery  `json:"delivery,omitzero"`
	EncryptionEnabled bool      `json:"encryptionEnabled"`
	GroupID           string    `json:"groupId,omitempty"`
	Hashes            []Hash    `json:"hashes,omitempty"` // only once the file has been downloaded
	ID                string    `json:"id,omitempty"`
	Links             []Link    `json:"links,omitempty"` // the server puts self before them
	MasterKeyUUID     string    `json:"masterKeyUUID,omitempty"`
	PointInTime       bool      `json:"pointInTime"`
	SnapshotID        string    `json:"snapshotId,omitempty"`
	StatusName        string    `json:"statusName,omitempty"`
	Timestamp         Timestamp `json:"timestamp,omitzero"`

	// File names the restore file in the links that the server makes up. It is not a field of the API.
	File string `json:"-"`
	// Finished is when StatusName became final, which only the APIs of version 2 tell; zero stands for a minute after
	// Created.
	Finished time.Time `json:"-"`
	// Extra is laid over the fields above by name: unknown fields, null, or a value of another type.
	Extra map[string]any `json:"-"`
}

// A Delivery is how the restored data is handed over. URLV2, AuthHeader, AuthValue and the targets are not on the page;
// the specification of version 2 has them.
type Delivery struct {
	AuthHeader        string    `json:"authHeader,omitempty"`
	AuthValue         string    `json:"authValue,omitempty"`
	ExpirationHours   int       `json:"expirationHours,omitempty"`
	Expires           time.Time `json:"expires,omitzero"`
	MaxDownloads      int       `json:"maxDownloads,omitempty"`
	MethodName        string    `json:"methodName,omitempty"`
	StatusName        string    `json:"statusName,omitempty"`
	TargetClusterID   string    `json:"targetClusterId,omitempty"`
	TargetClusterName string    `json:"targetClusterName,omitempty"`
	TargetGroupID     string    `json:"targetGroupId,omitempty"`
	URL               string    `json:"url,omitempty"`
	URLV2             string    `json:"urlV2,omitempty"`

	// Extra is laid over the fields above by name.
	Extra map[string]any `json:"-"`
}

// A Hash is the checksum of one restore file; TypeName is SHA1.
type Hash struct {
	FileName string `json:"fileName"`
	Hash     string `json:"hash"`
	TypeName string `json:"typeName"`
}

// A Timestamp is the oplog position of the snapshot.
type Timestamp struct {
	Date      time.Time `json:"date,omitzero"`
	Increment int       `json:"increment"`
}

// A Link relates a resource to another one.
type Link struct {
	Href string `json:"href"`
	Rel  string `json:"rel"`
}

// MarshalJSON lays Extra over the documented fields.
func (j Job) MarshalJSON() ([]byte, error) {
	type plain Job
	return overlay(plain(j), j.Extra)
}

// MarshalJSON lays Extra over the documented fields.
func (d Delivery) MarshalJSON() ([]byte, error) {
	type plain Delivery
	return overlay(plain(d), d.Extra)
}

func overlay(fields any, extra map[string]any) ([]byte, error) {
	if len(extra) == 0 {
		return encode(fields)
	}
	all, err := fieldsOf(fields)
	if err != nil {
		return nil, err
	}
	maps.Copy(all, extra)
	return encode(all)
}

// fieldsOf is the JSON object of v, field by field.
func fieldsOf(v any) (all map[string]any, err error) {
	b, err := encode(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return all, d.Decode(&all)
}

// without is j less some fields, unless they stand in Extra.
func without(j Job, names ...string) any {
	all, err := fieldsOf(j)
	if err != nil {
		return j // whoever encodes it gets the same error
	}
	for _, name := range names {
		if _, meant := j.Extra[name]; !meant {
			delete(all, name)
		}
	}
	return all
}

// encode is json.Marshal without the escapes that are meant for HTML: links keep their ampersands.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// ObjectID returns the ObjectID of something made at created: four bytes of Unix seconds, then eight that depend on
// seed alone.
func ObjectID(created time.Time, seed string) string {
	sum := sha256.Sum256([]byte(seed))
	return fmt.Sprintf("%08x", uint32(created.Unix())) + hex.EncodeToString(sum[:8]) //nolint:gosec // an ObjectID has four bytes for it, and wraps in 2106
}

// newestFirst orders jobs as the API's examples do. Jobs of one second are ordered by id, so that pages never overlap.
func newestFirst(jobs []Job) {
	slices.SortStableFunc(jobs, func(a, b Job) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
}

// withLink returns j with the download link that the API would show, unless it has one already. A link stays listed
// after it has died, as in the page's example.
func (j Job) withLink(secret string) Job {
	d := &j.Delivery
	made := slices.Contains([]string{"READY", "EXPIRED", "MAX_DOWNLOADS_EXCEEDED"}, d.StatusName)
	if !made || d.MethodName != "HTTP" || d.URL != "" || d.TargetClusterName != "" {
		return j
	}
	file := j.File
	if file == "" {
		file = fmt.Sprintf("%s-%s.tar.gz", j.ClusterName, j.ID)
	}
	const pull = "https://api-backup.mongodb.com/backup/restore/"
	d.URL = fmt.Sprintf("%sv2/pull/%s/%s-url/%s", pull, j.ID, secret, file)
	d.URLV2 = fmt.Sprintf("%sv3/pull/%s/%s-urlV2/%s", pull, j.ID, secret, file)
	d.AuthHeader, d.AuthValue = "Authorization", secret+"-authValue"
	return j
}

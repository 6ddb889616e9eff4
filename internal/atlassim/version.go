package atlassim

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// versionDates are the versions that v2 has had. A client asks for one of them by its Accept header and gets the latest
// version of the resource that is not younger.
var versionDates = []string{
	"2023-01-01", "2023-02-01", "2023-10-01", "2023-11-15", "2024-05-30",
	"2024-08-05", "2024-10-23", "2024-11-13", "2025-02-19", "2025-03-12",
}

// VersionV1 names version 1.0 as a whole in Server.GoneVersions.
const VersionV1 = "1.0"

// negotiate returns the version in which a resource is served: a date, or "" outside v2. The documents
// (atlas/api/versioned-api-overview) say 406 for a request without a known version, and 410 for a version that has
// been removed; the code of the 406 was seen on the real server.
func (s *Server) negotiate(r *http.Request, rt *route) (string, *problem) {
	asked, got := "", ""
	switch rt.root {
	case rootPublic:
		return "", nil
	case rootV1:
		return "", s.refuseGone(VersionV1)
	}
	for _, date := range acceptedDates(r.Header) {
		if slices.Contains(versionDates, date) {
			asked = date
			break
		}
	}
	for _, date := range rt.versions {
		if date <= asked {
			got = date
		}
	}
	if got == "" {
		return "", &problem{Status: http.StatusNotAcceptable, Code: "INVALID_VERSION_DATE",
			Detail: "Invalid accept header or version date."}
	}
	return got, s.refuseGone(got)
}

func (s *Server) refuseGone(version string) *problem {
	if !slices.Contains(s.GoneVersions, version) {
		return nil
	}
	return &problem{Status: http.StatusGone, Code: "VERSION_GONE", Parameters: []any{version},
		Detail: fmt.Sprintf("Version %s of this resource has been removed.", version)}
}

// acceptedDates reads the dates of media types such as application/vnd.atlas.2023-01-01+json, in the order given.
func acceptedDates(h http.Header) (dates []string) {
	for _, value := range h.Values("Accept") {
		for part := range strings.SplitSeq(value, ",") {
			media, _, _ := mime.ParseMediaType(part)
			date, ok := strings.CutPrefix(media, "application/vnd.atlas.")
			if date, json := strings.CutSuffix(date, "+json"); ok && json {
				dates = append(dates, date)
			}
		}
	}
	return dates
}

// contentType is how the server labels the body of a resource's version; errors are plain application/json.
func contentType(version string) string {
	if version == "" {
		return "application/json"
	}
	return "application/vnd.atlas." + version + "+json;charset=utf-8"
}

// A Deprecation is when a resource was deprecated and when it is going to be removed. A zero time sends no header.
type Deprecation struct {
	Since, Sunset time.Time
}

// headerDate is the form of Deprecation and Sunset as recorded: a day under ten has one digit, which is not the form
// that RFC 9110 section 5.6.7 asks for.
const headerDate = "Mon, 2 Jan 2006 15:04:05 GMT"

func (d Deprecation) announce(h http.Header) {
	for name, at := range map[string]time.Time{"Deprecation": d.Since, "Sunset": d.Sunset} {
		if !at.IsZero() {
			h.Set(name, at.UTC().Format(headerDate))
		}
	}
}

// oldClusters is what the versions of the cluster list before 2024-08-05 were recorded to announce.
var oldClusters = Deprecation{
	Since:  time.Date(2024, 8, 5, 0, 0, 0, 0, time.UTC),
	Sunset: time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC),
}

func (s *Server) deprecation(rt *route, version string) Deprecation {
	if d, told := s.Deprecated[rt.api]; told {
		return d
	}
	if n := len(rt.versions); n > 1 && version != rt.versions[n-1] {
		return oldClusters
	}
	return Deprecation{}
}

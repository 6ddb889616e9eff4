package atlas

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
)

const (
	// maxPages bounds one listing. At 500 jobs a page no cluster comes near: the whole history of a busy one, years of
	// daily restores, was 2,160 jobs.
	maxPages = 1000
	// maxQuery bounds what is followed of a next link, in bytes.
	maxQuery = 2048
)

// A walk is one reading of a listing, from its first page to its last.
type walk struct {
	client *Client
	what   call     // the request, but for its page
	query  string   // of the page to read next
	asked  []string // the queries of the pages read
	over   bool
}

// begin returns a walk over pages of at most perPage, which the caller has cut to what the API allows.
func (c *Client) begin(what call, perPage int, query url.Values) *walk {
	first := url.Values{"pageNum": {"1"}, "itemsPerPage": {strconv.Itoa(perPage)}}
	maps.Copy(first, query)
	return &walk{client: c, what: what, query: first.Encode()}
}

// page reads the next page. decode returns the query of the page after it, "" on the last, and how much was listed.
func (w *walk) page(ctx context.Context, decode func(body []byte) (next string, listed int, err error)) error {
	what := w.what
	at := *what.url
	at.RawQuery = w.query
	what.url, what.page = &at, len(w.asked)+1
	body, err := w.client.get(ctx, what)
	if err != nil {
		return err
	}
	next, listed, err := decode(body)
	if err == nil {
		err = w.advance(next, listed)
	}
	if err != nil {
		return what.invalid(err)
	}
	return nil
}

// advance goes on to the next page, or ends the listing. totalCount has no say: it is an estimate.
func (w *walk) advance(next string, listed int) error {
	w.asked = append(w.asked, w.query)
	w.query = next
	switch {
	case next == "" || listed == 0:
		w.over = true
	case slices.Contains(w.asked, next):
		return errors.New("the next link leads back to a page already read")
	case len(w.asked) >= maxPages:
		return fmt.Errorf("the listing does not end within %d pages", maxPages)
	}
	return nil
}

// nextQuery returns the query of the link to the next page, in one spelling, "" if there is none. Its host and path are
// not looked at: behind a proxy they are not ours, and credentials go to the API's own address only.
func nextQuery(links []wireLink) (string, error) {
	i := slices.IndexFunc(links, func(l wireLink) bool { return l.Rel == "next" && l.Href != "" })
	if i < 0 {
		return "", nil
	}
	href := links[i].Href
	if len(href) > maxQuery {
		return "", fmt.Errorf("the next link is %d bytes long", len(href))
	}
	u, err := url.Parse(href)
	if err != nil {
		return "", errors.New("the next link is not a URL")
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(values) == 0 {
		return "", errors.New("the next link has no query that names a page")
	}
	return values.Encode(), nil
}

package cookbook

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A block is a fenced block of a page.
type block struct {
	line     int    // on which its fence opens, from 1
	lang     string // after the fence
	text     string
	section  string // the heading of the second level above it
	heading  string // that of the third, "" if the section has none
	delivers []string
}

var (
	delivers = regexp.MustCompile(`(?s)^Delivers (.*)\.$`)
	named    = regexp.MustCompile("`([a-z-]+)`")
)

// blocks returns the fenced blocks of a page below docs. A paragraph "Delivers …." belongs to the block before it.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	content, err := os.ReadFile("../../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	var r reader
	for i, line := range strings.Split(string(content), "\n") {
		r.read(i+1, line)
	}
	if r.open || len(r.all) == 0 {
		t.Fatalf("docs/%s: %d blocks, and one that is open: %v", page, len(r.all), r.open)
	}
	return r.all
}

// A reader reads a page line by line.
type reader struct {
	all              []block
	section, heading string
	open             bool
	paragraph        string
}

func (r *reader) read(number int, line string) {
	lang, fence := strings.CutPrefix(line, "```")
	switch {
	case fence && !r.open:
		r.all = append(r.all, block{line: number, lang: lang, section: r.section, heading: r.heading})
		r.open = true
	case fence:
		r.open = false
	case r.open:
		r.all[len(r.all)-1].text += line + "\n"
	default:
		r.prose(line)
	}
}

func (r *reader) prose(line string) {
	if heading, ok := strings.CutPrefix(line, "## "); ok {
		r.section, r.heading = heading, ""
	} else if heading, ok := strings.CutPrefix(line, "### "); ok {
		r.heading = heading
	}
	if line != "" {
		r.paragraph = strings.TrimPrefix(r.paragraph+"\n"+line, "\n")
		return
	}
	if found := delivers.FindStringSubmatch(r.paragraph); found != nil && len(r.all) > 0 {
		last := &r.all[len(r.all)-1]
		for _, name := range named.FindAllStringSubmatch(found[1], -1) {
			last.delivers = append(last.delivers, name[1])
		}
	}
	r.paragraph = ""
}

// in returns the blocks of a section that are in one of the languages.
func in(all []block, section string, lang string) []block {
	var found []block
	for _, b := range all {
		if b.section == section && b.lang == lang {
			found = append(found, b)
		}
	}
	return found
}

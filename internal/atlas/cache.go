package atlas

import (
	"hash/maphash"
	"sync"

	"restorewatch/internal/restore"
)

// maxCached bounds the estimated memory of all cached pages: some ten full ones.
const maxCached = 8 << 20

// A cache keeps the last decoded first page of each listing. A page whose bytes have not changed is not decoded again;
// in a run without changes that is every page.
//
// Bodies are compared by their length and a 64-bit hash under a secret seed: that two different ones agree is less
// likely than a broken memory cell.
type cache struct {
	seed maphash.Seed

	mu    sync.Mutex
	pages map[cacheKey]cached
	size  int
}

type cacheKey struct {
	target restore.Target
	query  string
}

type cached struct {
	hash   uint64
	length int
	size   int
	page   page
}

func newCache() *cache {
	return &cache{seed: maphash.MakeSeed(), pages: map[cacheKey]cached{}}
}

// decode returns what decode makes of body, from memory if it made it last time.
func (c *cache) decode(key cacheKey, body []byte, decode func([]byte) (page, error)) (page, error) {
	hash := maphash.Bytes(c.seed, body)
	c.mu.Lock()
	last, ok := c.pages[key]
	c.mu.Unlock()
	if ok && last.hash == hash && last.length == len(body) {
		return last.page, nil
	}
	p, err := decode(body)
	if err == nil {
		c.put(key, cached{hash: hash, length: len(body), size: p.size(len(body)), page: p})
	}
	return p, err
}

// put makes room by forgetting any others: which ones does not matter, they are decoded again.
func (c *cache) put(key cacheKey, entry cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(key)
	if entry.size > maxCached {
		return
	}
	for other := range c.pages {
		if c.size+entry.size <= maxCached {
			break
		}
		c.drop(other)
	}
	c.pages[key] = entry
	c.size += entry.size
}

func (c *cache) drop(key cacheKey) {
	c.size -= c.pages[key].size
	delete(c.pages, key)
}

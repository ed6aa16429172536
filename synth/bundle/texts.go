package bundle

import "sync"

// texts writes files that people review, each when it is made: all together may be most of what there is. Several may
// write at once.
type texts struct {
	on      disk
	dir     string
	place   *place
	mu      sync.Mutex
	digests map[string]string // of what was written, or is in place as it is
}

func (t *texts) write(name string, text []byte) error {
	digest := digestOf(text)
	t.mu.Lock()
	t.digests[name] = digest
	t.mu.Unlock()
	if t.place.has(name, digest) {
		return nil
	}
	return writeFiles(t.on, t.dir, map[string][]byte{name: text})
}

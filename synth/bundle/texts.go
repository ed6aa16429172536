package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

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
	err := writeFile(t.on, t.dir, name, text)
	if errors.Is(err, fs.ErrNotExist) { // what else is in its directory is in place
		err = writeFiles(t.on, t.dir, map[string][]byte{name: text})
	}
	return err
}

// places returns what writes where everything lies in the pictures of a bundle.
func (t *texts) places(m *Manifest) func() error {
	return func() error {
		text, err := m.Places().encode()
		if err != nil {
			return fmt.Errorf("encode places: %w", err)
		}
		return t.write(PlacesFile, text)
	}
}

// picture returns what writes the picture of a bundle, if it has one in a file of its own.
func (t *texts) picture(m *Manifest) func() error {
	return func() error {
		if !m.pictured() {
			return nil
		}
		text, err := m.Picture()
		if err != nil {
			return fmt.Errorf("draw bundle: %w", err)
		}
		return t.write(PictureFile, text)
	}
}

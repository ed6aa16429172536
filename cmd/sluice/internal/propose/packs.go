package propose

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/storage/filesystem"
)

// The bounds of what a server sends of a repository, over whatever it is reached: the history of Linux has 11 million
// objects in 6 GiB. For each object that a pack claims to have 32 bytes of memory are made before it comes.
const (
	maxPack    = 16 << 30
	maxObjects = 16 << 20
)

// packs are where packs are kept.
type packs struct{ *filesystem.Storage }

// PackfileWriter is that of the files, with bounds.
func (p packs) PackfileWriter() (io.WriteCloser, error) {
	w, err := p.Storage.PackfileWriter()
	return &pack{WriteCloser: w, left: maxPack}, err
}

// pack is one that comes in. Its head is looked at before anybody gets it.
type pack struct {
	io.WriteCloser
	head []byte
	left int64
}

// headSize is that of the word PACK, a version and the number of objects.
const headSize = 12

// Write writes on.
func (p *pack) Write(b []byte) (int, error) {
	if p.left -= int64(len(b)); p.left < 0 {
		return 0, fmt.Errorf("the server sends more than %d GiB: that is no repository of policies", maxPack>>30)
	}
	n := min(len(b), headSize-len(p.head))
	if n == 0 {
		return p.WriteCloser.Write(b)
	}
	p.head = append(p.head, b[:n]...)
	if len(p.head) < headSize {
		return n, nil
	}
	if objects := binary.BigEndian.Uint32(p.head[8:]); objects > maxObjects {
		return 0, fmt.Errorf("the server sends a pack of %d objects: that is no repository of policies", objects)
	}
	if _, err := p.WriteCloser.Write(p.head); err != nil {
		return 0, err
	}
	more, err := p.WriteCloser.Write(b[n:])
	return n + more, err
}

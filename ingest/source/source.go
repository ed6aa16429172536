// Package source finds the records of files, directories and standard input.
package source

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sluice/ingest"
	"sluice/ingest/calico"
	"sluice/ingest/hubble"
	"sluice/model"
)

// Options say how to read.
type Options struct {
	Workers  int
	NewSink  func() ingest.Sink
	Tables   model.Tables
	Progress func(bytes, records int64)
	Skip     func(digest string) bool
}

// Source is what was read of one input.
type Source struct {
	Name    string
	Records int64
	Bytes   int64
	Format  string
	Digest  string
	Err     error
	Skipped bool
}

// Summary is what was read.
type Summary struct {
	Sources []Source
	Lost    uint64
}

// Read reads all inputs.
func Read(ctx context.Context, inputs []string, stdin io.Reader, o Options) (Summary, error) {
	var sum Summary
	sink := o.NewSink()
	for _, in := range inputs {
		files := []string{in}
		if fi, err := os.Stat(in); in != "-" && err == nil && fi.IsDir() {
			files = nil
			_ = filepath.WalkDir(in, func(p string, d fs.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".") {
					files = append(files, p)
				}
				return nil
			})
		}
		for _, f := range files {
			s := one(f, stdin, sink, o, &sum.Lost)
			if s.Err != nil {
				s.Err = fmt.Errorf("%s: %w", f, s.Err)
			}
			sum.Sources = append(sum.Sources, s)
		}
	}
	return sum, ctx.Err()
}

type countSink struct {
	ingest.Sink
	n *int64
}

func (c countSink) Flow(f *model.Flow)        { *c.n++; c.Sink.Flow(f) }
func (c countSink) Reject(r ingest.Rejection) { *c.n++; c.Sink.Reject(r) }

func one(name string, stdin io.Reader, sink ingest.Sink, o Options, lost *uint64) (s Source) {
	s.Name = name
	var r io.Reader = stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			var pe *fs.PathError
			if errors.As(err, &pe) {
				err = pe.Err
			}
			s.Err = err
			return s
		}
		defer f.Close()
		h := sha256.New()
		if s.Bytes, err = io.Copy(h, f); err != nil {
			s.Err = err
			return s
		}
		s.Digest = hex.EncodeToString(h.Sum(nil))
		if o.Skip != nil && o.Skip(s.Digest) {
			s.Skipped = true
			return s
		}
		f.Seek(0, 0)
		r = f
	}
	br := bufio.NewReaderSize(r, 1<<16)
	head, _ := br.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		if err != nil {
			s.Err = err
			return s
		}
		br = bufio.NewReaderSize(z, 1<<16)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br)
		if err != nil {
			s.Err = err
			return s
		}
		defer z.Close()
		br = bufio.NewReaderSize(z, 1<<16)
	}
	peek, _ := br.Peek(1 << 15)
	if len(bytes.TrimSpace(peek)) == 0 {
		s.Err = errors.New("empty: no record in it")
		return s
	}
	counted := countSink{sink, &s.Records}
	if calico.Sniff(peek) {
		s.Format = "calico"
		s.Err = calico.Decode(br, name, o.Tables, counted)
		return s
	}
	if !hubble.Sniff(peek) {
		s.Err = errors.New("no flow log of Hubble or Calico")
		return s
	}
	s.Format = "hubble"
	d := hubble.New(o.Tables, counted)
	defer func() { *lost += d.Lost }()
	if first := bytes.TrimSpace(peek); first[0] == '[' {
		dec := json.NewDecoder(br)
		dec.Token()
		for dec.More() {
			var raw json.RawMessage
			if err := dec.Decode(&raw); err != nil {
				s.Err = err
				return s
			}
			d.Record(name, 0, raw)
		}
		return s
	}
	line := int64(0)
	for {
		b, err := br.ReadBytes('\n')
		line++
		if t := bytes.TrimSpace(b); len(t) > 0 {
			d.Record(name, line, t)
		}
		if err == io.EOF {
			return s
		}
		if err != nil {
			s.Err = err
			return s
		}
	}
}

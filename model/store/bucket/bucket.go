package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"sluice/model/store"
)

// IsURL reports whether the place of a store is a URL of a bucket, and no directory.
func IsURL(place string) bool { return strings.Contains(place, "://") }

// Files are the files of a store in a bucket. It is safe for concurrent use.
type Files struct {
	ctx    context.Context
	bucket *blob.Bucket
	place  string // for people: no parameters, which may hold what is secret
	beat   time.Duration

	requests, bytes atomic.Int64 // asked for, and read
	refuses         atomic.Bool  // to put an object over another one

	mu      sync.Mutex
	commits map[string]commitObject // by key
	kept    int                     // bytes of their bodies
}

// commitObject is what a key of a commit stands for.
type commitObject struct {
	name     string
	size     int64
	modified time.Time
	body     []byte // after the first line, until it is asked for
}

// beat is how often who holds a lease renews it.
const beat = 10 * time.Second

// Open opens the files at a URL, such as s3://bucket/prefix?region=us-east-1. The scheme is one whose driver the
// program has imported. Requests end with ctx, but for those that undo or give back something. The error says what is
// wrong with the URL; whether the bucket is there shows with the first request.
func Open(ctx context.Context, url string) (*Files, error) {
	place, query, _ := strings.Cut(url, "?")
	scheme, rest, _ := strings.Cut(place, "://")
	name, prefix, _ := strings.Cut(rest, "/")
	if scheme == "file" {
		name, prefix = rest, ""
	}
	if name == "" {
		return nil, fmt.Errorf("store %s: the URL names no bucket; write %s://BUCKET/PREFIX", place, scheme)
	}
	if scheme == "s3" {
		query = unsummed(query)
	}
	if query != "" {
		query = "?" + query
	}
	b, err := blob.OpenBucket(ctx, scheme+"://"+name+query)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", place, err)
	}
	bound(b)
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		b = blob.PrefixedBucket(b, prefix+"/")
	}
	return newFiles(ctx, b, place), nil
}

// unsummed asks the client of S3 to check no sums of its own of what it reads, unless the URL does: a commit has those
// of all files, and the client warns of every object of a service that keeps no sums.
func unsummed(query string) string {
	const check = "response_checksum_validation"
	if strings.Contains(query, check+"=") {
		return query
	}
	return strings.TrimPrefix(query+"&"+check+"=when_required", "&")
}

func newFiles(ctx context.Context, b *blob.Bucket, place string) *Files {
	return &Files{ctx: ctx, bucket: b, place: place, beat: beat, commits: map[string]commitObject{}}
}

// ahead is how many files a scan reads at once.
const ahead = 8

// Ahead is how many files are read at once.
func (f *Files) Ahead() int { return ahead }

// Traffic returns how many requests were made, those aside that the client repeated and those of leases, and how many
// bytes of files were read.
func (f *Files) Traffic() (requests, bytes int64) { return f.requests.Load(), f.bytes.Load() }

// String is the URL without its parameters.
func (f *Files) String() string { return f.place }

// undo is a context for what must be done after an interrupt as well.
func (f *Files) undo() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(f.ctx), time.Minute)
}

const commitsDir = "v1/commits"

// numbered is the name of a commit.
var numbered = regexp.MustCompile(`^v1/commits/(\d{8,})-[^/]*$`)

// key returns the key of a file's object, and whether its name is the first line of its content.
func key(name string) (key string, named bool) {
	if m := numbered.FindStringSubmatch(name); m != nil {
		return path.Join(commitsDir, m[1]), true
	}
	return name, false
}

// Put stores a new file, if there is none of its name.
func (f *Files) Put(name string, write func(io.Writer) error) error {
	key, named := key(name)
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	f.requests.Add(1)
	w, err := f.bucket.NewWriter(ctx, key, &blob.WriterOptions{
		IfNotExist: true, ContentType: "application/octet-stream", DisableContentTypeDetection: true})
	if err != nil {
		return f.say("write", name, err)
	}
	sum := &digest{w: w, h: xxh3.New()}
	if named {
		err = writeCommit(sum, name, write)
	} else {
		err = write(sum)
	}
	if err != nil {
		cancel() // nothing is stored
		_ = w.Close()
		return err
	}
	if err = w.Close(); err == nil {
		return nil
	}
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return f.taken(name, key, sum)
	}
	return f.say("write", name, err)
}

// writeCommit writes the name of a commit and, packed, its content: every reader gets all commits, of whatever cluster.
func writeCommit(w io.Writer, name string, write func(io.Writer) error) error {
	if _, err := io.WriteString(w, path.Base(name)+"\n"); err != nil {
		return err
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	return errors.Join(write(z), z.Close())
}

// packed is how content begins that is packed. A commit of a former version is not.
var packed = []byte{0x28, 0xb5, 0x2f, 0xfd}

// unpack returns the content of a commit after its first line. What cannot be unpacked is returned as it is: it is not
// the commit of its name.
func unpack(body []byte) ([]byte, error) {
	if !bytes.HasPrefix(body, packed) {
		return body, nil
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(store.MaxCommit))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	if text, err := z.DecodeAll(body, []byte{}); err == nil {
		return text, nil
	}
	return body, nil
}

// taken is the error of a name that is taken: none if what is there is what was to be put. A client that got no answer
// asks again, and then finds its own object.
func (f *Files) taken(name, key string, want *digest) error {
	exists := &fs.PathError{Op: "put", Path: name, Err: fs.ErrExist}
	f.requests.Add(1)
	r, err := f.bucket.NewReader(f.ctx, key, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return exists
	}
	if err != nil {
		return f.say("read", name, err)
	}
	have := &digest{w: io.Discard, h: xxh3.New()}
	_, err = io.Copy(have, io.LimitReader(r, want.n+1)) // what is longer is another
	if err := errors.Join(err, r.Close()); err != nil {
		return f.say("read", name, err)
	}
	if have.n == 0 || have.n != want.n || have.h.Sum128() != want.h.Sum128() {
		return exists
	}
	return nil
}

// digest counts and sums up what is written.
type digest struct {
	w io.Writer
	h *xxh3.Hasher
	n int64
}

// Write writes on.
func (d *digest) Write(b []byte) (int, error) {
	n, err := d.w.Write(b)
	d.n += int64(n)
	_, _ = d.h.Write(b[:n])
	return n, err
}

// Get opens a file.
func (f *Files) Get(name string) (io.ReadCloser, int64, error) {
	key, named := key(name)
	if body := f.listed(key, name); body != nil {
		return unpacked(body)
	}
	r, err := f.open(key, name, 0)
	if err != nil {
		return nil, 0, err
	}
	size := r.Size()
	body := &reader{body: r, from: f, key: key, name: name}
	if !named {
		return body, size, nil
	}
	is, err := readName(body)
	if err == nil && is != path.Base(name) {
		err = &fs.PathError{Op: "get", Path: name, Err: fs.ErrNotExist}
	}
	var rest []byte
	if err == nil {
		rest, err = content(body)
	}
	if err := errors.Join(err, body.Close()); err != nil {
		return nil, 0, err
	}
	return unpacked(rest)
}

// content reads what stands after the first line of a commit.
func content(body io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(body, store.MaxCommit)) // what is cut off is not the commit of its name
}

// unpacked is a commit as Get returns it.
func unpacked(body []byte) (io.ReadCloser, int64, error) {
	text, err := unpack(body)
	return io.NopCloser(bytes.NewReader(text)), int64(len(text)), err
}

// open opens an object from a byte on.
func (f *Files) open(key, name string, from int64) (*blob.Reader, error) {
	f.requests.Add(1)
	r, err := f.bucket.NewRangeReader(f.ctx, key, from, -1, nil)
	if err != nil {
		return nil, f.say("read", name, err)
	}
	return r, nil
}

// maxName is how long the first line of a commit can be.
const maxName = 1 << 10

// readName reads the first line of a commit, and no byte more. One that has no such line has the name "".
func readName(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < maxName; {
		if _, err := io.ReadFull(r, b); err != nil {
			if errors.Is(err, io.EOF) {
				return "", nil
			}
			return "", err
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[0])
	}
	return "", nil
}

// reader is a file that is read. Where the connection breaks it is read on: a file never changes, and who reads it
// checks what came.
type reader struct {
	body      io.ReadCloser
	from      *Files
	key, name string
	at        int64 // bytes read so far
	broken    int   // how often the connection broke since a byte came
}

const (
	// mostBroken is how often in a row a connection may break.
	mostBroken = 4
	// firstWait is for how long the first time is waited then; each time is twice as long as the one before.
	firstWait = 50 * time.Millisecond
)

// Close ends the reading.
func (r *reader) Close() error { return r.body.Close() }

// Read reads on, and says of an error what it means.
func (r *reader) Read(b []byte) (int, error) {
	for {
		n, err := r.body.Read(b)
		r.from.bytes.Add(int64(n))
		r.at += int64(n)
		if n > 0 {
			r.broken = 0
		}
		switch {
		case err == nil || errors.Is(err, io.EOF):
			return n, err
		case !r.again():
			return n, r.from.say("read", r.name, err)
		case n > 0:
			return n, nil
		}
	}
}

// again opens the file anew where its connection broke, and reports whether it could.
func (r *reader) again() bool {
	if r.broken == mostBroken {
		return false
	}
	select {
	case <-r.from.ctx.Done():
		return false
	case <-time.After(firstWait << r.broken):
	}
	r.broken++
	body, err := r.from.open(r.key, r.name, r.at)
	if err != nil {
		return false
	}
	_ = r.body.Close()
	r.body = body
	return true
}

// The bounds of a listing: a service may go on for ever, with what it listed before, with nothing, or with more.
const (
	mostListed = 10_000_000
	mostIdle   = 1000 // answers more than names that came with them
	mostMissed = 1000 // commits that a listing leaves out
)

// List returns the names of the files in a directory and those below it.
func (f *Files) List(dir string) ([]string, error) {
	var objects []*blob.ListObject
	seen := map[string]bool{}
	pages := 0
	more := func(func(any) bool) error {
		f.requests.Add(1)
		if pages++; pages > len(seen)+mostIdle || len(seen) > mostListed {
			return fmt.Errorf("the service goes on after %d answers with %d names: it is none of a bucket that holds a store",
				pages-1, len(seen))
		}
		return nil
	}
	all := f.bucket.List(&blob.ListOptions{Prefix: dir + "/", BeforeList: more})
	for {
		o, err := nextOf(f.ctx, all)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, f.say("list", dir, err)
		}
		if seen[o.Key] {
			continue
		}
		seen[o.Key] = true
		objects = append(objects, o)
	}
	f.forget(dir, seen)
	names, err := f.namesOf(objects)
	if err == nil && dir == commitsDir {
		names, err = f.unlisted(names)
	}
	return names, err
}

// nextOf is the next object of a listing. The client of S3 follows what a service left out of it.
func nextOf(ctx context.Context, all *blob.ListIterator) (o *blob.ListObject, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the service lists an object without its size or time: it is none that a store can be in")
		}
	}()
	return all.Next(ctx)
}

// unlisted adds the commits that follow the newest listed one: a service may answer with a part of a listing, and
// without the newest commits a store looks whole. What it answers for a single key is what was put.
func (f *Files) unlisted(names []string) ([]string, error) {
	last := 0
	for _, name := range names {
		if m := numbered.FindStringSubmatch(name); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, err
			}
			last = max(last, n)
		}
	}
	for n := 0; ; n++ {
		last++
		name, err := f.nameOf(&blob.ListObject{Key: path.Join(commitsDir, fmt.Sprintf("%08d", last))})
		if name == "" && isDenied(err) { // what S3 says of no object where one may list a prefix alone
			err = nil
		}
		switch {
		case err != nil || name == "":
			return names, err
		case n == mostMissed:
			return nil, fmt.Errorf("%d commits are there that the service does not list: it is none that a store can be in", n)
		}
		names = append(names, name)
	}
}

// namesOf returns the names of the files that objects hold, sorted. It reads several commits at once.
func (f *Files) namesOf(objects []*blob.ListObject) ([]string, error) {
	names, errs := make([]string, len(objects)), make([]error, len(objects))
	var wg sync.WaitGroup
	turns := make(chan struct{}, ahead)
	for i, o := range objects {
		if !isCommit.MatchString(o.Key) {
			names[i] = o.Key
			continue
		}
		turns <- struct{}{}
		wg.Go(func() {
			names[i], errs[i] = f.nameOf(o)
			<-turns
		})
	}
	wg.Wait()
	for _, err := range errs { // the others say the same
		if err != nil {
			return nil, err
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	slices.Sort(names)
	return names, nil
}

// isCommit is the key of a commit.
var isCommit = regexp.MustCompile(`^v1/commits/\d{8,}$`)

// nameOf returns the name of the file that a commit's object holds, "" if it is gone meanwhile: that is its first line.
// The rest is kept, since who lists commits reads those that are new.
func (f *Files) nameOf(o *blob.ListObject) (string, error) {
	f.mu.Lock()
	known, ok := f.commits[o.Key]
	f.mu.Unlock()
	if ok && known.size == o.Size && known.modified.Equal(o.ModTime) {
		return known.name, nil
	}
	r, err := f.open(o.Key, o.Key, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	body := &reader{body: r, from: f, key: o.Key, name: o.Key}
	line, err := readName(body)
	var rest []byte
	if err == nil {
		rest, err = content(body)
	}
	if err := errors.Join(err, body.Close()); err != nil {
		return "", err
	}
	name := path.Join(commitsDir, line)
	if k, _ := key(name); k != o.Key {
		name, rest = o.Key+"-damaged.json", nil // a name that no content has
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept -= len(f.commits[o.Key].body)
	if f.kept+len(rest) > store.MaxCommit {
		rest = nil // it is read again
	}
	f.kept += len(rest)
	f.commits[o.Key] = commitObject{name, o.Size, o.ModTime, rest}
	return name, nil
}

// listed returns the body of a commit that a listing has read, once; nil: there is none.
func (f *Files) listed(key, name string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.commits[key]
	body := c.body
	if body == nil || c.name != name {
		return nil
	}
	c.body = nil
	f.kept -= len(body)
	f.commits[key] = c
	return body
}

// forget drops the commits in a directory that are gone.
func (f *Files) forget(dir string, there map[string]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key := range f.commits {
		if strings.HasPrefix(key, dir+"/") && !there[key] {
			f.kept -= len(f.commits[key].body)
			delete(f.commits, key)
		}
	}
}

// Modified returns when a file was put, by the clock of the service.
func (f *Files) Modified(name string) (time.Time, error) {
	key, _ := key(name)
	f.requests.Add(1)
	a, err := f.bucket.Attributes(f.ctx, key)
	if err != nil {
		return time.Time{}, f.say("look at", name, err)
	}
	return a.ModTime, nil
}

// Remove removes files. It goes on after an interrupt: what is to be undone must not stay.
func (f *Files) Remove(names ...string) error {
	ctx, cancel := f.undo()
	defer cancel()
	for _, name := range names {
		key, _ := key(name)
		f.requests.Add(1)
		if err := f.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			return f.say("remove", name, err)
		}
	}
	return nil
}

// Tidy has nothing to do: an object that was not put whole is not there. Parts of one that a killed client left cost
// room until the rule of the bucket for incomplete uploads removes them.
func (f *Files) Tidy() error { return nil }

// say says what was tried, where, and what helps. What is not there is fs.ErrNotExist.
func (f *Files) say(do, name string, err error) error {
	if f.ctx.Err() != nil {
		return context.Cause(f.ctx)
	}
	if no := (*net.OpError)(nil); errors.As(err, &no) {
		return fmt.Errorf("%s: the service does not answer, is the URL right: %w", f.place, no)
	}
	code := gcerrors.Code(err)
	if code == gcerrors.NotFound {
		if strings.Contains(err.Error(), "NoSuchBucket") {
			return fmt.Errorf("%s: there is no such bucket: make it, or mend the URL", f.place)
		}
		return &fs.PathError{Op: do, Path: f.place + "/" + name, Err: fs.ErrNotExist}
	}
	if code == gcerrors.ResourceExhausted {
		return fmt.Errorf("%s %s/%s: the service refuses for now, or is full: %w", do, f.place, name, err)
	}
	if isDenied(err) {
		return f.denied(do, name, err)
	}
	return fmt.Errorf("%s %s/%s: %w", do, f.place, name, err)
}

// isDenied reports whether an error is that the credentials do not allow it.
func isDenied(err error) bool {
	if err == nil {
		return false
	}
	h := httpError(nil)
	return gcerrors.Code(err) == gcerrors.PermissionDenied ||
		errors.As(err, &h) && (h.HTTPStatusCode() == 401 || h.HTTPStatusCode() == 403)
}

// httpError is the error of a client that had an answer.
type httpError interface {
	error
	HTTPStatusCode() int
}

// unlists is the error of a service that does not list an object that is there: of a store that it lists in part, files
// that count would be taken for none.
func (f *Files) unlists(key string) error {
	return fmt.Errorf("%s: the service does not list %s, which is there: it cannot hold a store that is written to",
		f.place, key)
}

func (f *Files) denied(do, name string, err error) error {
	return fmt.Errorf("%s %s/%s: the credentials do not allow it: sluice needs to list, read, put and delete objects: %w",
		do, f.place, name, err)
}

package propose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"
	gitclient "github.com/go-git/go-git/v5/plumbing/transport/client"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"sluice/cmd/sluice/internal/disk"
)

// repository is a copy of the branches that matter, in a directory that goes with it. It has no working tree.
type repository struct {
	*git.Repository
	remote *git.Remote
	auth   transport.AuthMethod
	dir    string
	main   string                   // the branch that the server calls its own
	heads  map[string]plumbing.Hash // of the server's branches
}

const origin = "origin"

// connect lists the branches of a repository.
func connect(ctx context.Context, t *target, token Token) (*repository, error) {
	if t.web {
		speaks := client()
		speaks.Transport = listing{speaks.Transport}
		gitclient.InstallProtocol("http", githttp.NewClient(speaks))
		gitclient.InstallProtocol("https", githttp.NewClient(speaks))
	}
	dir, err := disk.Scratch("propose")
	if err != nil {
		return nil, err
	}
	r := &repository{dir: dir, heads: map[string]plumbing.Hash{}}
	if t.web && token.secret != "" {
		r.auth = &githttp.BasicAuth{Username: token.user(t.forge), Password: token.secret}
	}
	if err := r.list(ctx, t); err != nil {
		r.close()
		return nil, fmt.Errorf("connect to %s: %w", t.url, plain(err))
	}
	return r, nil
}

// listing bounds the list of branches, which is read whole, and the only thing that is got: packs are posted for, and
// go to the disk.
type listing struct{ http.RoundTripper }

func (l listing) RoundTrip(r *http.Request) (*http.Response, error) {
	if left := maxAnswer; r.Method == http.MethodGet {
		return bounded{l.RoundTripper, &left}.RoundTrip(r)
	}
	return l.RoundTripper.RoundTrip(r)
}

func (r *repository) close() { _ = os.RemoveAll(r.dir) }

func (r *repository) list(ctx context.Context, t *target) (err error) {
	files := filesystem.NewStorage(osfs.New(r.dir), cache.NewObjectLRUDefault())
	if r.Repository, err = git.Init(packs{files}, nil); err != nil {
		return err
	}
	if r.remote, err = r.CreateRemote(&config.RemoteConfig{Name: origin, URLs: []string{t.url}}); err != nil {
		return err
	}
	refs, err := r.remote.ListContext(ctx, &git.ListOptions{Auth: r.auth})
	if err != nil {
		return err
	}
	for _, ref := range refs {
		switch {
		case ref.Name() == plumbing.HEAD && ref.Type() == plumbing.SymbolicReference:
			r.main = ref.Target().Short()
		case ref.Name().IsBranch():
			r.heads[ref.Name().Short()] = ref.Hash()
		}
	}
	return nil
}

// plain says in words what the transport found wrong.
func plain(err error) error {
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return errors.New("the server wants a token, or did not accept the one it was shown")
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return errors.New("the token may not do this")
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return errors.New("there is no such repository, or the token may not see it")
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return errors.New("the repository is empty: push a first commit")
	}
	return err
}

// fetch brings branches with all of their history: whose a change was is read in it.
func (r *repository) fetch(ctx context.Context, branches ...string) error {
	var specs []config.RefSpec
	for _, b := range branches {
		specs = append(specs, config.RefSpec(fmt.Sprintf("+refs/heads/%s:refs/remotes/%s/%s", b, origin, b)))
	}
	err := r.remote.FetchContext(ctx, &git.FetchOptions{Auth: r.auth, RefSpecs: specs, Tags: git.NoTags})
	if err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
		return fmt.Errorf("fetch %s: %w", strings.Join(branches, " and "), plain(err))
	}
	for _, b := range branches { // it may have moved since it was listed
		ref, err := r.Reference(plumbing.NewRemoteReferenceName(origin, b), true)
		if err != nil {
			return fmt.Errorf("fetch %s: %w", b, err)
		}
		r.heads[b] = ref.Hash()
	}
	return nil
}

// errMoved is that somebody pushed to the branch meanwhile.
var errMoved = errors.New("somebody pushed to it meanwhile: nothing was changed, run propose again")

// push moves a branch of the server from one commit to another; the zero hash is no branch. It fails where the branch
// is not where it was.
func (r *repository) push(ctx context.Context, branch string, from, to plumbing.Hash) error {
	name := plumbing.NewBranchReferenceName(branch)
	var words bytes.Buffer
	o := &git.PushOptions{RemoteName: origin, Auth: r.auth, Progress: &words}
	switch {
	case to.IsZero():
		o.RefSpecs = []config.RefSpec{config.RefSpec(":" + name.String())}
		o.RequireRemoteRefs = []config.RefSpec{config.RefSpec(from.String() + ":" + name.String())}
	case from.IsZero():
		o.RefSpecs = []config.RefSpec{config.RefSpec(name + ":" + name)}
	default:
		o.RefSpecs = []config.RefSpec{config.RefSpec("+" + name + ":" + name)}
		o.ForceWithLease = &git.ForceWithLease{RefName: name, Hash: from}
	}
	if !to.IsZero() {
		if err := r.Storer.SetReference(plumbing.NewHashReference(name, to)); err != nil {
			return err
		}
	}
	if !from.IsZero() {
		lease := plumbing.NewRemoteReferenceName(origin, branch)
		if err := r.Storer.SetReference(plumbing.NewHashReference(lease, from)); err != nil {
			return err
		}
	}
	err := r.remote.PushContext(ctx, o)
	switch {
	case err == nil, errors.Is(err, git.NoErrAlreadyUpToDate):
		return nil
	case strings.Contains(err.Error(), "non-fast-forward"), strings.Contains(err.Error(), "cannot lock ref"),
		strings.Contains(err.Error(), "remote ref"):
		return fmt.Errorf("push %s: %w", branch, errMoved)
	}
	if said := strings.Join(strings.Fields(words.String()), " "); said != "" {
		return fmt.Errorf("push %s: %w: the server says: %s", branch, plain(err), said)
	}
	return fmt.Errorf("push %s: %w", branch, plain(err))
}

// Person is who a commit is from.
type Person struct{ Name, Email string }

// commit writes a commit. Its time is that of its parent, so that the same content gives the same commit.
func (r *repository) commit(on *object.Commit, tree plumbing.Hash, by *Person, message string) (*object.Commit, error) {
	who := object.Signature{Name: by.Name, Email: by.Email, When: on.Committer.When.In(time.UTC)}
	c := &object.Commit{Author: who, Committer: who, Message: message, TreeHash: tree}
	c.ParentHashes = []plumbing.Hash{on.Hash}
	o := r.Storer.NewEncodedObject()
	if err := c.Encode(o); err != nil {
		return nil, err
	}
	hash, err := r.Storer.SetEncodedObject(o)
	if err != nil {
		return nil, err
	}
	return r.CommitObject(hash)
}

// past returns what a file was in the history of a commit, by its digest as bundle.json lists it.
func (r *repository) past(from *object.Commit, path, digest string) ([]byte, error) {
	const most = 2000
	seen := map[plumbing.Hash]bool{}
	commits := object.NewCommitPreorderIter(from, nil, nil)
	defer commits.Close()
	for range most {
		c, err := commits.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		f, err := c.File(path)
		if errors.Is(err, object.ErrFileNotFound) || err == nil && seen[f.Hash] {
			continue
		}
		if err != nil {
			return nil, err
		}
		seen[f.Hash] = true
		text, err := f.Contents()
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256([]byte(text)); "sha256:"+hex.EncodeToString(sum[:]) == digest {
			return []byte(text), nil
		}
	}
	return nil, nil
}

// Package place finds the store that --store names: a directory, or the URL of a bucket. It alone knows the clients of
// object stores.
package place

import (
	"context"

	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/fileblob"  // file://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://

	"sluice/model/store"
	"sluice/model/store/bucket"
)

// Files returns the files of the store at a directory or URL.
func Files(ctx context.Context, at string) (store.Files, error) {
	if bucket.IsURL(at) {
		return bucket.Open(ctx, at)
	}
	return store.Dir(at), nil
}

// Open opens the store at a directory or URL; the error is store.ErrNoStore where there is none.
func Open(ctx context.Context, at string) (*store.Store, error) {
	f, err := Files(ctx, at)
	if err != nil {
		return nil, err
	}
	return store.OpenFiles(f)
}

// Create opens the store at a directory or URL and makes it where there is none.
func Create(ctx context.Context, at string) (*store.Store, error) {
	f, err := Files(ctx, at)
	if err != nil {
		return nil, err
	}
	return store.CreateFiles(f)
}

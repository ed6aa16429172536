package store

import "errors"

var (
	// ErrNoStore says that a directory holds no store.
	ErrNoStore = errors.New("not a sluice store")
	// ErrLocked says that another writer has the store.
	ErrLocked = errors.New("another process is writing to this store")
	// ErrStreamLocked says that another process collects this stream into this store.
	ErrStreamLocked = errors.New("another process collects this stream into this store")
	// ErrSourceStored says that a source of a commit is already there, stored by another writer since the check.
	ErrSourceStored = errors.New("source is already in the store")
	// ErrDamaged says that a file is not the one that was committed.
	ErrDamaged = errors.New("damaged")
	// ErrNewer says that a store was written in a way that this version does not know.
	ErrNewer   = errors.New("written by a newer sluice: use that, or a newer one")
	errMissing = errors.New("missing")
	errClosed  = errors.New("the writer is closed")
)

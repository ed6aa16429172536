// Package bucket keeps the files of a store in an object store: a bucket of S3, Google Cloud Storage or Azure, or a
// directory, by the URLs of gocloud.dev/blob.
//
// # What it rests on
//
// An object is put if there is none of its name, and what the service acknowledged is there for good. Nothing else is
// asked of it. Of two writers of commit 5 one puts it, since the key of a commit is its number alone, and its name is
// the first line of its content. So the lock of a store is for order, not for safety: it is a lease, and who holds it
// must renew it. A process that slept through the end of its lease can write files, but none of a name that another
// has (names of files end in the term of the lease), and no commit over that of another. The parts of a stream carry
// the term of their collector: a store refuses a part of an earlier term.
package bucket

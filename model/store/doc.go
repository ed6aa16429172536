// Package store keeps observations on disk: immutable Parquet segments that any engine can read, published a commit at
// a time by one file, and refused unless their digests are those of the commit. It is the only package that knows
// Arrow. It opens no Parquet but its own, and changes no file that was committed; Compact merges small commits into
// larger ones and removes the files some time later. DESIGN.md beside it describes the files.
package store

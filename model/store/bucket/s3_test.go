//go:build conformance

package bucket

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"sluice/model/store"
	"sluice/model/store/bucket/buckettest"
	"sluice/model/store/storetest"
)

// s3Place makes a prefix of its own for each place, in a bucket of a real S3 server.
func s3Place(t *testing.T) storetest.Place {
	server := buckettest.S3(t)
	var n atomic.Int64
	return func(t *testing.T) func() store.Files {
		url := server.URL(fmt.Sprint(n.Add(1)))
		return func() store.Files {
			ctx, kill := context.WithCancel(t.Context())
			f, err := Open(ctx, url)
			must(t, err)
			f.beat = 2 * testBeat
			return &process{f, kill}
		}
	}
}

func TestS3Files(t *testing.T) { storetest.Files(t, s3Place(t)) }

func TestS3Store(t *testing.T) { storetest.Store(t, s3Place(t)) }

func TestS3Faults(t *testing.T) { storetest.Faults(t, storetest.Faulty(s3Place(t))) }

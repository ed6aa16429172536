package bucket

import (
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
)

// maxAnswer is how many bytes an answer of S3 may have that is no object: a thousand names of a kilobyte have fewer.
const maxAnswer = 16 << 20

// bound bounds the answers that the client of S3 reads whole. Other clients have no place for it.
func bound(b *blob.Bucket) {
	var c *s3.Client
	if b.As(&c) {
		*c = *s3.New(c.Options(), func(o *s3.Options) { o.HTTPClient = bounded{o.HTTPClient} })
	}
}

type bounded struct{ s3.HTTPClient }

// Do bounds an answer that is no object: who reads an object has a bound for it.
func (b bounded) Do(r *http.Request) (*http.Response, error) {
	resp, err := b.HTTPClient.Do(r)
	if err != nil || resp.Body == nil {
		return resp, err
	}
	object := r.Method == http.MethodGet && !r.URL.Query().Has("list-type")
	if !object || resp.StatusCode >= http.StatusMultipleChoices {
		resp.Body = &answer{resp.Body, maxAnswer}
	}
	return resp, nil
}

// answer is a body that ends with an error where it is too long. The error comes once: the client reads on
// to throw away what is left.
type answer struct {
	io.ReadCloser
	left int
}

func (a *answer) Read(p []byte) (int, error) {
	if a.left < 0 {
		return 0, io.EOF
	}
	if a.left == 0 {
		a.left--
		return 0, fmt.Errorf("the service answers with more than %d MiB: it is none that a store can be in", maxAnswer>>20)
	}
	n, err := a.ReadCloser.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}

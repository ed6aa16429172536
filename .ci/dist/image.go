package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nobody is the user of the image, as sluice install has it.
const nobody = "65532:65532"

// image writes the layout of an image for all targets of Linux: the program, the roots of certificates, a user that is
// not root, and nothing else. No engine is needed; crane push DIR takes it to a registry.
func (d *dist) image() error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for i := range d.built {
		b := &d.built[i]
		if b.os != "linux" {
			continue
		}
		img, err := d.platform(b)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			MediaType: types.OCIManifestSchema1, Platform: &v1.Platform{OS: b.os, Architecture: b.arch}}})
	}
	dir := filepath.Join(d.out, "image")
	// One index in the layout's own: it is what a registry will hold.
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	err = p.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": d.version}))
	if err != nil {
		return err
	}
	sum, err := index.Digest()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.out, "image.digest"), []byte(sum.String()+"\n"), 0o644)
}

// platform is the image of one target.
func (d *dist) platform(b *built) (v1.Image, error) {
	files, err := d.rootfs(b)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: d.at}, CreatedBy: "make dist"}})
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(img, must(img, func(c *v1.ConfigFile) {
		c.OS, c.Architecture, c.Created, c.Author = b.os, b.arch, v1.Time{Time: d.at}, ""
		c.Config = v1.Config{
			User: nobody, Entrypoint: []string{"/usr/bin/sluice"}, WorkingDir: "/",
			Env: []string{"PATH=/usr/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
			Labels: map[string]string{
				"org.opencontainers.image.title":       "sluice",
				"org.opencontainers.image.description": "Learn the allow policies a cluster needs from its flow logs",
				"org.opencontainers.image.version":     d.version,
				"org.opencontainers.image.revision":    d.commit,
				"org.opencontainers.image.created":     d.at.Format(time.RFC3339),
			},
		}
	}))
}

// must changes the configuration of an image; one that has been appended to has one.
func must(img v1.Image, change func(*v1.ConfigFile)) *v1.ConfigFile {
	c, err := img.ConfigFile()
	if err != nil {
		c = &v1.ConfigFile{} // mutate.ConfigFile then tells that the layers do not fit
	}
	c = c.DeepCopy()
	change(c)
	return c
}

// rootfs is the file system, as a tar.
func (d *dist) rootfs(b *built) ([]byte, error) {
	program, err := os.ReadFile(b.program)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	t := tar.NewWriter(&out)
	var errs []error
	add := func(kind byte, name string, mode int64, text []byte) {
		h := &tar.Header{Typeflag: kind, Name: name, Mode: mode, Size: int64(len(text)), ModTime: d.at, Format: tar.FormatPAX}
		errs = append(errs, t.WriteHeader(h))
		_, err := t.Write(text)
		errs = append(errs, err)
	}
	for _, dir := range []string{"etc/", "etc/ssl/", "etc/ssl/certs/", "usr/", "usr/bin/"} {
		add(tar.TypeDir, dir, 0o755, nil)
	}
	add(tar.TypeDir, "tmp/", 0o1777, nil)
	add(tar.TypeReg, "etc/passwd", 0o644, []byte("nobody:x:65532:65532:nobody:/:/sbin/nologin\n"))
	add(tar.TypeReg, "etc/group", 0o644, []byte("nobody:x:65532:\n"))
	add(tar.TypeReg, "etc/ssl/certs/ca-certificates.crt", 0o644, roots())
	add(tar.TypeReg, "usr/bin/sluice", 0o755, program)
	errs = append(errs, t.Close())
	return out.Bytes(), errors.Join(errs...)
}

// roots are the certificates that Go's authors take over from Mozilla, of one version: those of this machine would make
// the image that of this machine.
func roots() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes all
		}
	}
	return out.Bytes()
}

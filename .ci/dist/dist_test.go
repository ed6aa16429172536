package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// release makes one of this machine's system alone: the others differ in the compiler's words only.
func release(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Fatal("the image is of Linux: run this there")
	}
	out := filepath.Join(t.TempDir(), "dist")
	d := &dist{root: "../..", out: out, version: "v9.8.7", url: "https://releases.example/sluice", bills: "../../bin/cyclonedx-gomod"}
	if err := d.run([]string{"linux/" + runtime.GOARCH}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDist: what is made twice is the same to the byte, checksums hold, krew takes its manifest, and the image holds a
// program that starts, as nobody, with roots to trust.
func TestDist(t *testing.T) {
	one, other := release(t), release(t)
	same(t, one, other)
	check := exec.Command("sha256sum", "--check", "--strict", "checksums.txt")
	check.Dir = one
	if text, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	name := "sluice_9.8.7_linux_" + runtime.GOARCH
	sum, err := digest(filepath.Join(one, name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	krew := filepath.Join(one, "krew", "sluice.yaml")
	if text, err := exec.Command("go", "tool", "validate-krew-manifest", "-manifest", krew, "-skip-install").CombinedOutput(); err != nil {
		t.Errorf("krew: %v: %s", err, text)
	}
	for _, file := range []string{krew, filepath.Join(one, "sluice.rb")} {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), sum) || !strings.Contains(string(text), "/v9.8.7/"+name+".tar.gz") {
			t.Errorf("%s: %v\n%s", file, err, text)
		}
	}
	var bill struct {
		BOMFormat  string `json:"bomFormat"`
		Components []struct{ Name string }
	}
	text, err := os.ReadFile(filepath.Join(one, name+".cdx.json"))
	page := strings.Contains(string(text), `"purl": "pkg:npm/cytoscape@`) // the review page is in the program
	if err != nil || json.Unmarshal(text, &bill) != nil || bill.BOMFormat != "CycloneDX" || len(bill.Components) < 50 || !page {
		t.Errorf("%v: %d components", err, len(bill.Components))
	}
	startsUnpacked(t, filepath.Join(one, "image"))
}

// same compares two directories.
func same(t *testing.T, one, other string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(one, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		rel, err := filepath.Rel(one, p)
		if err != nil {
			return err
		}
		a, err := digest(p)
		if err != nil {
			return err
		}
		b, err := digest(filepath.Join(other, rel))
		if a != b {
			t.Errorf("%s differs: %s and %s", rel, a, b)
		}
		return err
	})
	if err != nil || files < 10 {
		t.Errorf("%d files: %v", files, err)
	}
}

// startsUnpacked checks an image, unpacks its layer and runs the program in it.
func startsUnpacked(t *testing.T, dir string) {
	t.Helper()
	outer, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := outer.IndexManifest()
	if err != nil || len(list.Manifests) != 1 {
		t.Fatal(err, list)
	}
	index, err := outer.ImageIndex(list.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	images, err := index.IndexManifest()
	if err != nil || len(images.Manifests) != 1 || images.Manifests[0].Platform.Architecture != runtime.GOARCH {
		t.Fatal(err, images)
	}
	img, err := index.Image(images.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	c, err := img.ConfigFile()
	if err != nil || c.Config.User != nobody || c.Config.Labels["org.opencontainers.image.version"] != "v9.8.7" || len(c.Config.Entrypoint) != 1 {
		t.Fatal(err, c)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatal(err, layers)
	}
	packed, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(root, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(name, 0o755)
		} else {
			err = os.WriteFile(name, text, fs.FileMode(h.Mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt")); err != nil || bytes.Count(text, []byte("BEGIN CERTIFICATE")) < 100 {
		t.Error("no roots of certificates", err)
	}
	out, err := exec.Command(filepath.Join(root, c.Config.Entrypoint[0]), "version", "-o", "json").Output()
	if err != nil || !strings.Contains(string(out), `"version": "v9.8.7"`) {
		t.Errorf("%v: %s", err, out)
	}
}

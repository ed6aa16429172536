package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// where is the address of an archive.
func (d *dist) where(b *built) string {
	return strings.TrimRight(d.url, "/") + "/" + d.version + "/" + b.archive
}

// krew writes the manifest of the plugin of kubectl: the archive holds the program, which knows how it is called.
func (d *dist) krew() error {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: sluice
spec:
  version: %s
  homepage: %s
  shortDescription: Learn network policies from flow logs
  description: |
    Reads the flow logs that a cluster already writes (Cilium Hubble, Calico), learns the allow policies that
    must exist before a namespace is denied by default, and proves them against everything that was seen.
    It reads the cluster with get and list, reaches the relay through the API server, and changes nothing.
  platforms:
`, d.version, d.url)
	for i := range d.built {
		t := &d.built[i]
		program := filepath.Base(t.program)
		fmt.Fprintf(&b, `  - selector:
      matchLabels:
        os: %s
        arch: %s
    uri: %s
    sha256: %s
    bin: %s
    files:
    - from: %[5]s
      to: .
    - from: THIRD-PARTY.txt
      to: .
`, t.os, t.arch, d.where(t), t.digest, program)
		if _, err := os.Stat(filepath.Join(d.root, "LICENSE")); err == nil {
			b.WriteString("    - from: LICENSE\n      to: .\n")
		}
	}
	file := filepath.Join(d.out, "krew", "sluice.yaml") // krew wants the name of the plugin
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// formula writes that of Homebrew, for what it runs on.
func (d *dist) formula() error {
	var b strings.Builder
	fmt.Fprintf(&b, `class Sluice < Formula
  desc "Learn the network policies a cluster needs from its flow logs"
  homepage "%s"
  version "%s"
`, d.url, strings.TrimPrefix(d.version, "v"))
	for _, system := range []struct{ os, block string }{{"darwin", "on_macos"}, {"linux", "on_linux"}} {
		fmt.Fprintf(&b, "\n  %s do\n", system.block)
		for _, cpu := range []struct{ arch, block string }{{"arm64", "on_arm"}, {"amd64", "on_intel"}} {
			for i := range d.built {
				if t := &d.built[i]; t.os == system.os && t.arch == cpu.arch {
					fmt.Fprintf(&b, "    %s do\n      url \"%s\"\n      sha256 \"%s\"\n    end\n", cpu.block, d.where(t), t.digest)
				}
			}
		}
		b.WriteString("  end\n")
	}
	b.WriteString(`
  def install
    bin.install "sluice"
    bin.install_symlink "sluice" => "kubectl-sluice"
    bin.install "completions/kubectl_complete-sluice"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/sluice.bash" => "sluice"
    zsh_completion.install "completions/_sluice"
    fish_completion.install "completions/sluice.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/sluice version")
  end
end
`)
	return os.WriteFile(filepath.Join(d.out, "sluice.rb"), []byte(b.String()), 0o644)
}

// Command pagebill adds the npm packages that are built into the review page to a bill of materials (CycloneDX) of a
// program that holds the page. They are those of the page's lock file that are not only for its build.
//
//	pagebill LOCKFILE BILL
package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: pagebill LOCKFILE BILL")
		os.Exit(2)
	}
	if err := add(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "pagebill:", err)
		os.Exit(1)
	}
}

// add writes the bill anew, with the packages in it. Where they are in it already, nothing changes.
func add(lockFile, billFile string) error {
	packages, err := packages(lockFile)
	if err != nil {
		return err
	}
	in, err := os.Open(billFile)
	if err != nil {
		return err
	}
	defer in.Close()
	bill := &cyclonedx.BOM{}
	if err := cyclonedx.NewBOMDecoder(in, cyclonedx.BOMFileFormatJSON).Decode(bill); err != nil {
		return fmt.Errorf("read %s: %w", billFile, err)
	}
	if bill.Metadata == nil || bill.Metadata.Component == nil || bill.Components == nil || bill.Dependencies == nil {
		return fmt.Errorf("%s names no program, no components or no dependencies", billFile)
	}
	program := bill.Metadata.Component.BOMRef
	at := slices.IndexFunc(*bill.Dependencies, func(d cyclonedx.Dependency) bool { return d.Ref == program })
	if at < 0 || (*bill.Dependencies)[at].Dependencies == nil {
		return fmt.Errorf("%s does not say what %s depends on", billFile, program)
	}
	for _, p := range packages {
		if slices.ContainsFunc(*bill.Components, func(c cyclonedx.Component) bool { return c.BOMRef == p.BOMRef }) {
			continue
		}
		*bill.Components = append(*bill.Components, p)
		needs := (*bill.Dependencies)[at].Dependencies
		*needs = append(*needs, p.BOMRef)
		*bill.Dependencies = append(*bill.Dependencies, cyclonedx.Dependency{Ref: p.BOMRef})
	}
	out, err := os.Create(billFile)
	if err != nil {
		return err
	}
	e := cyclonedx.NewBOMEncoder(out, cyclonedx.BOMFileFormatJSON).SetPretty(true)
	return errors.Join(e.EncodeVersion(bill, bill.SpecVersion), out.Close())
}

// packages are those of a lock file that are in the page, sorted.
func packages(file string) ([]cyclonedx.Component, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct {
			Version, License, Integrity string
			Dev                         bool
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	var out []cyclonedx.Component
	for path, p := range lock.Packages {
		if path == "" || p.Dev {
			continue
		}
		name := path[strings.LastIndex(path, "node_modules/")+len("node_modules/"):]
		kind, digest, _ := strings.Cut(p.Integrity, "-")
		sum, err := base64.StdEncoding.DecodeString(digest)
		if err != nil || kind != "sha512" || p.Version == "" || p.License == "" {
			return nil, fmt.Errorf("%s: %s has no version, no licence or no SHA-512: %w", file, path, err)
		}
		url := "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + p.Version
		out = append(out, cyclonedx.Component{BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: name,
			Version: p.Version, Scope: cyclonedx.ScopeRequired, PackageURL: url,
			Hashes:   &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA512, Value: hex.EncodeToString(sum)}},
			Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: p.License}}}})
	}
	slices.SortFunc(out, func(a, b cyclonedx.Component) int { return strings.Compare(a.BOMRef, b.BOMRef) })
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no package is in the page", file)
	}
	return out, nil
}

package bundle

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"sluice/synth/render"
)

// handsOn is what people did that this bundle is written around. Its own files have digests.
func (p *place) handsOn(digests map[string]string, force bool) *ByHand {
	h := &ByHand{Extra: p.Extra, Loose: p.Loose, Foreign: p.Foreign}
	for _, name := range p.Removed {
		if _, ok := digests[name]; ok {
			h.Removed = append(h.Removed, name)
		}
	}
	for _, name := range p.Edited {
		text, err := p.read(name)
		if !force && (err != nil || digests[name] != digestOf(text)) {
			h.Edited = append(h.Edited, name)
		}
	}
	return h
}

// lay copies what people wrote into the new bundle, for it to be verified as it will be applied. It returns the names.
func (p *place) lay(on disk, dir string, h *ByHand) ([]string, error) {
	names := slices.Concat(h.Edited, h.Extra, h.Loose)
	files := map[string][]byte{}
	for _, name := range names {
		if link := p.link(name); link != "" {
			return nil, fmt.Errorf("%s in %s is a link now: remove it, or give --force to write over it", link, p.dir)
		}
		text, err := p.read(name)
		if err != nil {
			return nil, fmt.Errorf("keep %s: %w", name, err)
		}
		files[name] = text
	}
	return names, writeFiles(on, dir, files)
}

// includeExtra lists people's own policies in extra/, and extra/ in every form that has the allow policies.
func includeExtra(files map[string][]byte, extra []string) error {
	if len(extra) == 0 {
		return nil
	}
	list := []string{}
	for _, name := range extra {
		list = append(list, strings.TrimPrefix(name, ExtraDir+"/"))
	}
	text, err := render.Marshal(newKustomization(list...))
	if err != nil {
		return err
	}
	files[path.Join(ExtraDir, KustomizationFile)] = text
	for _, form := range []string{allowDir, enforceDir} {
		name := path.Join(form, KustomizationFile)
		all := newKustomization()
		if text, ok := files[name]; ok {
			if err := yaml.Unmarshal(text, &all); err != nil {
				return err
			}
		} else if form != allowDir {
			continue
		}
		all.Resources = append(all.Resources, fromTop)
		if files[name], err = render.Marshal(all); err != nil {
			return err
		}
	}
	return nil
}

// Hands compares the directory of a bundle with what its bundle.json lists.
func Hands(dir string) (ByHand, error) {
	f, err := readFormer(dir, true)
	if err != nil {
		return ByHand{}, err
	}
	p, err := lookAt(dir, true, f.files)
	return p.ByHand, err
}

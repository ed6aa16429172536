package bundle

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"sluice/synth/render"
)

// handsOn is what people did that this bundle is written around.
func (p *place) handsOn(files map[string][]byte, force bool) *ByHand {
	h := &ByHand{Extra: p.Extra, Loose: p.Loose, Foreign: p.Foreign}
	for _, name := range p.Removed {
		if _, ok := files[name]; ok {
			h.Removed = append(h.Removed, name)
		}
	}
	for _, name := range p.Edited {
		text, err := p.read(name)
		if now, ok := files[name]; !force && (err != nil || !ok || !bytes.Equal(now, text)) {
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
	files[path.Join(ExtraDir, kustomizationFile)] = text
	for _, form := range []string{allowDir, enforceDir} {
		name := path.Join(form, kustomizationFile)
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

// fromTop is the way to people's own policies from the directory of a form.
var fromTop = path.Join("..", ExtraDir)

// partial says first what the bundle must not be trusted with.
func (p *page) partial(sources []string) {
	if len(sources) == 0 {
		return
	}
	p.head("Learned from a part of the flows")
	p.line(
		"**These could not be read whole (`--allow-partial`). What was not read is missing in the policies, and would be cut:**\n",
	)
	for _, s := range sources {
		p.line("- %s", Escape(s))
	}
}

// byHand lists what people changed and added in the directory.
func (p *page) byHand(h *ByHand) {
	if len(h.Edited)+len(h.Extra)+len(h.Loose) == 0 {
		return
	}
	p.head("Changed by hand")
	p.line(
		"The verification counts these as they are. `sluice verify` fails while a file is changed; `learn --force` writes over it.\n",
	)
	var rows [][]string
	add := func(names []string, what string) {
		for _, name := range names {
			rows = append(rows, []string{name, what})
		}
	}
	add(h.Edited, "changed, and kept as it is")
	add(h.Loose, "not of this bundle, and not applied: move it to "+ExtraDir+"/")
	add(h.Extra, "applied with the allow policies")
	p.table(maxFindings, []string{"file", "what of it"}, rows)
}

package bundle

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// step is something to do with a bundle, and the commands that do it.
type step struct {
	text     string // lines
	commands []string
}

// Again is how new flows are replayed: from where those were read that a bundle is learned from. REVIEW.md does not say
// that, since it is the same wherever it is learned.
type Again struct {
	Servers []string // none: those of the kubeconfig's cluster
	Flags   []string // of sluice verify, with their values
}

// Next tells in plain text what to do with the bundle in dir, as REVIEW.md does.
func Next(m *Manifest, how render.Rollout, dir string, again Again) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Bundle: %s. Next:\n", dir)
	list := append([]step{{text: "Read " + filepath.Join(dir, ReviewFile) + "."}}, steps(m, how, dir, again)...)
	for i, s := range list {
		fmt.Fprintf(&b, "%d. %s\n", i+1, strings.ReplaceAll(s.text, "\n", "\n   "))
		for _, c := range s.commands {
			fmt.Fprintf(&b, "     %s\n", c)
		}
	}
	return b.String()
}

// next says in REVIEW.md how to bring the bundle into a cluster.
func (p *page) next(m *Manifest, how render.Rollout) {
	p.head("Next steps")
	p.line(
		"In this directory. The phases `%s`, `%s`, `%s` can each be applied in part, in any order and again; one after the other.\n",
		openDir,
		allowDir,
		denyDir,
	)
	for i, s := range steps(m, how, "", Again{}) {
		lines := strings.Split(s.text, "\n")
		for k := range lines {
			lines[k] = Escape(lines[k])
		}
		p.line("%d. %s", i+1, strings.Join(lines, "\n   "))
		if len(s.commands) > 0 {
			p.line("   ```\n   %s\n   ```", strings.Join(s.commands, "\n   "))
		}
	}
	p.line("\n`sluice explain` tells for each rule id which flows asked for it.")
}

// way collects the steps of the bundle in dir into a cluster.
type way struct {
	m     *Manifest
	how   render.Rollout
	dir   string
	again Again
	steps []step
}

func (w *way) add(text string, commands ...string) { w.steps = append(w.steps, step{text, commands}) }

// at is a path of the bundle as a word of a command.
func (w *way) at(parts ...string) string {
	return quoted(filepath.Join(append([]string{w.dir}, parts...)...))
}

// toEnforce is what has to be done before anything can be enforced.
func toEnforce(m *Manifest) string {
	short := func(n Namespace) bool { return n.IngressStatus == synth.Short.String() }
	switch blocked := slices.ContainsFunc(m.Namespaces, func(n Namespace) bool { return len(n.Obstacles) > 0 }); {
	case blocked && slices.ContainsFunc(m.Namespaces, short):
		return "go on recording, decide on the blockers"
	case slices.ContainsFunc(m.Namespaces, short):
		return "go on recording"
	}
	return "decide on the blockers"
}

// steps are the way of the bundle in dir into a cluster, for all its namespaces at once.
func steps(m *Manifest, how render.Rollout, dir string, again Again) []step {
	w := &way{m: m, how: how, dir: dir, again: again}
	if !slices.ContainsFunc(m.Namespaces, func(n Namespace) bool { return n.Ingress || n.Egress }) {
		w.add("Nothing can be enforced yet: " + toEnforce(m) + ", and learn again.")
		return w.steps
	}
	w.look()
	isolated, others := w.isolated()
	switch {
	case how.Additive && len(isolated) > 0:
		w.prove("Policies deny connections in " + some(isolated) + " today. Nothing but new flows shows what these cut.")
		w.allow("Add the allow policies. Where an earlier bundle is in force, its default deny goes first, and what it\n" +
			"closed is open until the next step: take both at once.")
		w.add("Enforce. This alone denies."+w.oneByOne(denyDir), "kubectl apply -k "+w.at(denyDir))
	case how.Additive:
		w.allow("Add the allow policies. They deny nothing. Where an earlier bundle is in force, its default deny goes first,\n" +
			"and what it closed is open until it is enforced anew: then replay before, and take the rest at once.")
		w.prove("So far nothing is denied, so a quiet week proves nothing.")
		w.add("Enforce. This alone denies."+w.oneByOne(denyDir), "kubectl apply -k "+w.at(denyDir))
	case len(isolated) > 0:
		w.stage()
		w.prove(
			"Policies deny connections in " + some(
				isolated,
			) + " today, so nothing is opened there, and the next step limits each\n" +
				"workload to what was learned. Nothing but new flows shows before what that cuts.",
		)
		w.phases("")
		text := "Delete what was there for the phases. It changes nothing."
		if others > 0 {
			text = "Enforce: delete what keeps the other namespaces open. There this alone denies." + w.oneByOne(
				openDir,
			)
		}
		if w.has(openDir) {
			w.add(text, "kubectl delete -k "+w.at(openDir))
		}
		w.unstage()
	default:
		w.stage()
		w.phases(" Nothing is denied until the next step but one:\n" +
			"where an earlier bundle is in force, not by that either. Then replay before, and take the rest at once.")
		w.prove("So far nothing is denied, so a quiet week proves nothing.")
		w.add(
			"Enforce: delete what keeps it open. This alone denies."+w.oneByOne(openDir),
			"kubectl delete -k "+w.at(openDir),
		)
		w.unstage()
	}
	if m.GlobalDeny {
		w.add(
			"Close the namespaces to come. Pods of a new namespace then reach nothing"+w.but()+", until policies allow it.",
			"kubectl apply -k "+w.at(denyDir, render.ClusterDir),
		)
	}
	w.tidy()
	w.undo()
	return w.steps
}

// allow adds the allow policies of a dialect in which they isolate nothing.
func (w *way) allow(text string) {
	if !w.has(allowDir) {
		return
	}
	deletes := w.deletes(w.how.Resources, ","+phaseLabel(denyDir))
	for i := range deletes {
		deletes[i] += " &&"
	}
	w.add(text+w.alike(), append(deletes, "kubectl apply -k "+w.at(allowDir))...)
}

// within are the resources that the namespaces of the bundle have, all of them where it is for all namespaces: what is
// in no namespace carries the labels of every bundle of this name, and those for other namespaces may need it.
func (w *way) within(list []render.Resource) []render.Resource {
	some := slices.DeleteFunc(slices.Clone(list), func(r render.Resource) bool { return r.Clusterwide })
	if w.m.Options.All || len(some) == 0 {
		return list
	}
	return some
}

// alike says that another bundle of the same name is taken for an earlier one, where no namespace tells them apart.
func (w *way) alike() string {
	if slices.ContainsFunc(w.within(w.how.Resources), func(r render.Resource) bool { return r.Clusterwide }) {
		return "\nEvery bundle named " + w.m.Name + " counts as an earlier one: others need another name (learn --name)."
	}
	return ""
}

// deletes are the commands that delete what an earlier bundle of this name has of some resources, by its labels: in the
// namespaces that this one is for.
func (w *way) deletes(list []render.Resource, more string) []string {
	some := w.within(list)
	delete := func(where string) string {
		return "kubectl delete " + resources(some) + where + " -l " + w.labels() + more
	}
	if slices.ContainsFunc(some, func(r render.Resource) bool { return r.Clusterwide }) {
		return []string{delete(" -A")}
	}
	var commands []string
	for _, n := range w.m.Namespaces {
		commands = append(commands, delete(" -n "+n.Name))
	}
	return commands
}

// resources names them as kubectl takes them.
func resources(list []render.Resource) string {
	var names []string
	for _, r := range list {
		names = append(names, r.Name)
	}
	return strings.Join(names, ",")
}

// but says whom pods of a namespace to come may ask all the same.
func (w *way) but() string {
	if w.how.Floor {
		return " but the resolver"
	}
	return ", not even the resolver"
}

// look is what to do before anything changes.
func (w *way) look() {
	for _, n := range w.how.Needs {
		if n.Rare || n.Mesh && !w.m.meshed() || len(n.Protocols) > 0 && !w.m.names(n.Protocols) {
			continue
		}
		w.add("The cluster must know "+n.Text, n.Command)
	}
	w.add(
		"See what will be there in the end, with kubectl 1.27 or later. A policy of the same name that is not of this bundle would\n"+
			"be replaced: give the names a prefix then (namePrefix in the configuration).",
		"kubectl diff -k "+w.at(enforceDir),
	)
}

// meshed reports whether a rule names another cluster.
func (m *Manifest) meshed() bool {
	return slices.ContainsFunc(m.Rules, func(r Rule) bool { return strings.Contains(r.Text, policy.ClusterName+"=") })
}

// names reports whether a rule stands for an edge of one of some protocols.
func (m *Manifest) names(protocols []string) bool {
	return slices.ContainsFunc(m.Rules, func(r Rule) bool {
		return slices.ContainsFunc(r.Edges, func(i int) bool {
			_, proto, ports := strings.Cut(m.Edges[i].Port, "/")
			if !ports {
				proto = m.Edges[i].Port
			}
			return slices.Contains(protocols, proto)
		})
	})
}

// stage lets the cluster report before anything is enforced.
func (w *way) stage() {
	if w.how.Staged {
		w.add(
			"Stage. The cluster reports what these would decide, as pending policies in its flows, and enforces none.",
			"kubectl apply -k "+w.at(stageDir),
		)
	}
}

func (w *way) unstage() {
	if w.how.Staged {
		w.add("Delete the staged policies: the enforced ones stand beside them.", w.deletes(w.how.StagedResources, "")...)
	}
}

// phases are those of a dialect whose policies isolate what they select.
func (w *way) phases(text string) {
	var commands []string
	for _, dir := range []string{openDir, allowDir, denyDir} {
		if !w.has(dir) {
			continue
		}
		if n := len(commands); n > 0 {
			commands[n-1] += " &&"
		}
		commands = append(commands, "kubectl apply -k "+w.at(dir))
	}
	if len(commands) > 0 {
		w.add("Apply the phases, each after the one before: what opens or keeps whole, what is allowed, what denies."+text, commands...)
	}
}

// has reports whether the bundle has a phase: one without a policy has no directory, which kubectl takes for a mistake.
func (w *way) has(dir string) bool {
	for file := range w.m.Files {
		if strings.HasPrefix(file, dir+"/") {
			return true
		}
	}
	return len(w.m.Files) == 0 // not known
}

// isolated are the namespaces that are isolated today, and how many are not.
func (w *way) isolated() (names []string, others int) {
	for _, n := range w.m.Namespaces {
		if n.IsolatedToday {
			names = append(names, n.Name)
		} else {
			others++
		}
	}
	return names, others
}

// oneByOne says how to do a step for one namespace.
func (w *way) oneByOne(dir string) string {
	if len(w.m.Namespaces) < 2 {
		return ""
	}
	return " One namespace at a time: " + filepath.Join(w.dir, dir, "NAMESPACE") + "."
}

// prove is the one step that shows whether enforcing would cut something.
func (w *way) prove(why string) {
	flows := "NEW-FLOWS.jsonl"
	switch sem := w.m.Verification.Semantics; {
	case len(w.again.Servers) > 0:
		flows = words(w.again.Servers) + " --follow"
	case sem == eval.Cilium.String():
		flows = "hubble:// --follow"
	case sem == eval.Calico.String():
		flows = "whisker+http:// --follow"
	}
	if len(w.again.Flags) > 0 {
		flows += " " + words(w.again.Flags)
	}
	w.add(why+" Replay new flows, from the server or from files,\n"+
		"until nothing is lost: for a week that has a release in it, longer where jobs run by the month.", "sluice verify "+w.at()+" "+flows+w.together())
}

// together names what a bundle does not hold without.
func (w *way) together() string {
	if w.m.Beside == nil || slices.Contains(w.again.Flags, "--with") {
		return ""
	}
	return " --with POLICIES-IN-FORCE.yaml"
}

func (w *way) labels() string { return strings.Join(labelsOf(w.m.Name), ",") }

// tidy is for those that had an earlier bundle.
func (w *way) tidy() {
	prune := "kubectl apply -k " + w.at(enforceDir) + " --prune -l " + w.labels()
	for _, r := range w.within(w.how.Resources) {
		prune += " --prune-allowlist=" + r.Kind
	}
	w.add(
		"Where an earlier bundle of this name was applied: delete what this one no longer has in its namespaces, only after all\n"+
			"the steps above. Then list what is there, of other namespaces too."+w.alike(),
		prune,
		"kubectl get "+resources(w.how.Resources)+" -A -l "+w.labels(),
	)
}

// undo opens a namespace again, however far the steps before were taken, and then takes away what is left there.
func (w *way) undo() {
	const most = 3
	var undo, remove []string
	some, left, deleted := 0, 0, false
	for _, n := range w.m.Namespaces {
		if !n.Ingress && !n.Egress {
			continue
		}
		if some++; some > most {
			left++
			continue
		}
		deletes := w.how.Additive || n.IsolatedToday
		if deletes && w.m.GlobalDeny && !deleted {
			undo = append(undo, "kubectl delete -k "+w.at(denyDir, render.ClusterDir)+ignoreNotFound)
		}
		deleted = deleted || deletes
		own := w.own(n.Name)
		switch {
		case w.how.Additive && own == "":
			undo = append(undo, "kubectl delete -k "+w.at(denyDir, n.Name)+ignoreNotFound)
		case w.how.Additive:
			undo, remove = append(undo, own+","+phaseLabel(denyDir)), append(remove, own)
		case n.IsolatedToday:
			undo = append(undo, own)
		default:
			undo = append(undo, "kubectl apply -k "+w.at(openDir, n.Name))
			remove = append(remove, own+",sluice.dev/phase!="+openDir+" &&", "kubectl delete -k "+w.at(openDir, n.Name))
		}
	}
	alike := ""
	if left > 0 {
		alike = fmt.Sprintf(" The other %d alike.", left)
	}
	text := "Undo: one command opens a namespace again, as it was before. Try it once." + alike
	if deleted {
		text += "\nWhat Argo CD or Flux applies comes back: suspend them first."
	}
	w.add(text, undo...)
	if len(remove) > 0 && w.m.GlobalDeny && !w.how.Additive {
		remove = append([]string{"kubectl delete -k " + w.at(denyDir, render.ClusterDir) + ignoreNotFound + " &&"}, remove...)
	}
	if len(remove) > 0 {
		w.add("Remove what is left of the bundle, only after the undo: then it closes nothing."+alike, remove...)
	}
}

// ignoreNotFound lets a command delete what is there of a directory.
const ignoreNotFound = " --ignore-not-found"

// own deletes all policies of the bundle in a namespace, "" where they are in none.
func (w *way) own(namespace string) string {
	i := slices.IndexFunc(w.how.Resources, func(r render.Resource) bool { return !r.Clusterwide })
	if i < 0 {
		return ""
	}
	return "kubectl delete " + w.how.Resources[i].Name + " -n " + namespace + " -l " + w.labels()
}

// some names a few, or counts them.
func some(names []string) string {
	const most = 4
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// words are those of a command.
func words(list []string) string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = quoted(w)
	}
	return strings.Join(out, " ")
}

// quoted makes a path one word of a shell.
func quoted(path string) string {
	if path == "" {
		return "."
	}
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("-_./@%+,:=~", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 && !strings.HasPrefix(path, "~") {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

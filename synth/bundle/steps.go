package bundle

import (
	"fmt"
	"path/filepath"
	"strings"

	"sluice/synth/render"
)

// step is something to do with a bundle, and the commands that do it.
type step struct {
	text     string
	commands []string
}

// Next tells in plain text what to do with the bundle in dir, as REVIEW.md does.
func Next(m *Manifest, dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Bundle: %s. Next:\n", dir)
	list := append([]step{{text: "Read " + filepath.Join(dir, ReviewFile) + "."}}, steps(m, dir)...)
	for i, s := range list {
		fmt.Fprintf(&b, "%d. %s\n", i+1, strings.ReplaceAll(s.text, "\n", "\n   "))
		for _, c := range s.commands {
			fmt.Fprintf(&b, "     %s\n", c)
		}
	}
	return b.String()
}

// next says in REVIEW.md how to bring the bundle into a cluster.
func (p *page) next(m *Manifest) {
	p.head("Next steps")
	p.line("An allow policy isolates the pods it selects at once, so do not apply `%s` alone. In this directory:\n", allowDir)
	for i, s := range steps(m, "") {
		p.line("%d. %s", i+1, strings.Join(escaped(strings.Split(s.text, "\n")), "\n   "))
		if len(s.commands) > 0 {
			p.line("   ```\n   %s\n   ```", strings.Join(s.commands, "\n   "))
		}
	}
	p.line("\n`sluice explain` tells for each rule id which flows asked for it.")
}

func escaped(lines []string) []string {
	for i, l := range lines {
		lines[i] = escape(l)
	}
	return lines
}

// steps are the way of the bundle in dir into a cluster. That differs with what the dialect can stage.
func steps(m *Manifest, dir string) []step {
	enforces := false
	for _, n := range m.Namespaces {
		enforces = enforces || n.Ingress || n.Egress
	}
	if !enforces {
		return []step{{text: "Nothing can be enforced yet: settle what stands in the way, and learn again."}}
	}
	at := func(parts ...string) string { return quoted(filepath.Join(append([]string{dir}, parts...)...)) }
	stage, one := at(stageDir), "NAMESPACE"
	var list []step
	add := func(text string, commands ...string) { list = append(list, step{text, commands}) }
	switch m.Dialect {
	case "cilium":
		add("Check that the cluster knows enableDefaultDeny (Cilium 1.16 or later): an older one drops the field, and staging would enforce.",
			"kubectl explain ciliumnetworkpolicy.spec.enableDefaultDeny")
	case "calico":
		add("Check that the cluster knows staged policies (Calico 3.30 or later).", "kubectl explain stagednetworkpolicy")
	}
	add("Stage. Look at what changes first.", "kubectl diff -k "+stage, "kubectl apply -k "+stage)
	add("Staging denies nothing and so proves nothing. Replay new flows until nothing is lost, for a week that has a release in it,\n"+
		"longer where jobs run by the month.", "sluice verify "+at()+" NEW-FLOWS")
	switch m.Dialect {
	case "cilium":
		add("Enforce a namespace.", "kubectl apply -k "+at(enforceDir, one))
		add("Undo.", "kubectl apply -k "+at(stageDir, one), "kubectl delete -f "+at(enforceDir, one, "default-deny.yaml"))
	case "calico":
		add("Enforce a namespace.", "kubectl apply -k "+at(enforceDir, one))
		add("Undo.", "kubectl delete -k "+at(enforceDir, one), "kubectl apply -k "+at(stageDir, one))
	default:
		add("Enforce a namespace.", "kubectl apply -k "+at(enforceDir, one), "kubectl delete networkpolicy sluice-open -n "+one)
		add("Undo.", "kubectl apply -f "+at(stageDir, one, "sluice-open.yaml"))
	}
	if m.GlobalDeny {
		add("Once every namespace is enforced, close the namespaces to come. Pods of a new namespace then reach nothing, not even the\n"+
			"resolver, until policies allow it.", "kubectl apply -k "+at(enforceDir, render.ClusterDir))
		add("Undo.", "kubectl delete -k "+at(enforceDir, render.ClusterDir))
	}
	return list
}

// quoted makes a path one word of a shell.
func quoted(path string) string {
	if path == "" {
		return "."
	}
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./@%+,:=~", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 && !strings.HasPrefix(path, "~") {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

package run

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"sluice/cmd/sluice/internal/disk"
	"sluice/model"
	"sluice/model/graph"
	"sluice/model/workload"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/decision"
	"sluice/synth/policy"
	"sluice/synth/readiness"
)

// DefaultConfig is the file that is read where nobody names one.
const DefaultConfig = "sluice.yaml"

// Config is sluice.yaml. Flags win over it, it wins over the defaults.
type Config struct {
	// SystemNamespaces replaces the built-in list of namespaces that -A leaves out.
	SystemNamespaces []string `yaml:"systemNamespaces"`
	VolatileLabels   struct {
		Add  []string `yaml:"add"`  // label keys never to select by
		Keep []string `yaml:"keep"` // label keys to select by although they look volatile
	} `yaml:"volatileLabels"`
	// Name is what the bundle is called, in a label of every object.
	Name string `yaml:"name"`
	// NamePrefix begins the names of its policies.
	NamePrefix string `yaml:"namePrefix"`
	// GitOps asks for overlays of tools that follow a repository.
	GitOps bundle.GitOps `yaml:"gitops"`
	// RuleLog asks for rules that the data plane names in its log.
	RuleLog bool `yaml:"ruleLog"`
	// ClusterPolicies say how the dialect cluster writes.
	ClusterPolicies tieredConfig `yaml:"clusterPolicies"`
	// Widen names the widenings that are asked for.
	Widen []string `yaml:"widen"`
	// MinWatch is how long the pods of a namespace must have been watched before it is denied by default.
	MinWatch *time.Duration `yaml:"minWatch"`
	// Resolver is what pods ask for names that were not seen asking.
	Resolver *resolverConfig `yaml:"resolver"`
	// Suspicion says what becomes of connections that worked and look odd: find (the default) or hold.
	Suspicion string `yaml:"suspicion"`
	// Decisions are what people said of edges.
	Decisions []decisionConfig `yaml:"decisions"`
	// AllowWaste is how many addresses never seen one CIDR may take in, where the widening cidr is asked for.
	AllowWaste int `yaml:"allowWaste"`
	// Networks are named parts of the address space: allowed whole where an address of them is needed.
	Networks []struct {
		Name  string         `yaml:"name"`
		CIDRs []netip.Prefix `yaml:"cidrs"`
	} `yaml:"networks"`
	// Readiness has the numbers of the verdict, those that are not given as they were measured.
	Readiness struct {
		Days  *float64 `yaml:"days"`  // watched before anything is Stable
		Risk  *float64 `yaml:"risk"`  // chance, within a week, of an edge that exists and was never seen: at most
		Hold  *int     `yaml:"hold"`  // ends of days in a row
		Leave *float64 `yaml:"leave"` // chance above which what is Stable is so no longer
	} `yaml:"readiness"`
	// AsOf is the time that ages, and the ends of decisions, are counted to; 0: the end of the flows.
	AsOf model.Micros `yaml:"-"`
	// Manifests are what ReadManifests read, ManifestProblems what it could not read.
	Manifests        []readiness.Manifest `yaml:"-"`
	Cluster          policy.Manifests     `yaml:"-"` // what they say beside workloads and their schedules
	ManifestProblems []error              `yaml:"-"`
	// Without says of what the cluster has and its user may not read what it costs not to know it.
	Without []string `yaml:"-"`
	// InForce are the policies among the manifests.
	InForce Policies         `yaml:"-"`
	taken   policy.PolicySet // of manifests, and joined with neither of them yet
}

// readiness has the numbers of the verdict.
func (c *Config) readiness() (readiness.Config, error) {
	out, r := readiness.DefaultConfig(), &c.Readiness
	if r.Days != nil {
		out.Days = *r.Days
	}
	if r.Risk != nil {
		out.Risk = *r.Risk
	}
	if r.Hold != nil {
		out.Hold = *r.Hold
	}
	if r.Leave != nil {
		out.Leave = *r.Leave
	} else {
		out.Leave = max(out.Leave, out.Risk)
	}
	if out.Days < 0 || out.Hold < 1 || out.Risk <= 0 || out.Risk >= 1 || out.Leave < out.Risk || out.Leave >= 1 {
		return out, Usagef(
			"config: readiness: days %g, risk %g, hold %d, leave %g: want days from 0, hold from 1, and 0 < risk <= leave < 1",
			out.Days,
			out.Risk,
			out.Hold,
			out.Leave,
		)
	}
	return out, nil
}

// decisionConfig is a decision as it stands in the file.
type decisionConfig struct {
	Source      string `yaml:"source"`
	Destination string `yaml:"destination"`
	Port        string `yaml:"port"`
	Verdict     string `yaml:"verdict"` // accept, reject, ignore, widen
	Reason      string `yaml:"reason"`
	By          string `yaml:"by"`
	Until       string `yaml:"until"` // a day: the first on which it holds no more
}

// decisions makes the book of decisions, nil for none.
func (c *Config) decisions() (*decision.Book, error) {
	if len(c.Decisions) == 0 {
		return nil, nil
	}
	var list []decision.Decision
	for i, d := range c.Decisions {
		out := decision.Decision{Source: d.Source, Destination: d.Destination, Port: d.Port, Reason: d.Reason, By: d.By}
		var err error
		if out.Verdict, err = decision.ParseVerdict(d.Verdict); err != nil {
			return nil, Usagef("config: decision %d: %w", i+1, err)
		}
		if d.Until != "" {
			if out.Until, err = time.Parse(time.DateOnly, d.Until); err != nil {
				return nil, Usagef("config: decision %d: until: %q is no day (2027-01-31)", i+1, d.Until)
			}
		}
		list = append(list, out)
	}
	book, err := decision.New(list)
	if err != nil {
		return nil, Usagef("config: %w", err)
	}
	return book, nil
}

// resolverConfig is "none", "NAMESPACE/WORKLOAD" or a mapping.
type resolverConfig struct{ synth.Resolver }

// UnmarshalYAML reads one of the forms.
func (r *resolverConfig) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		ns, workload, ok := strings.Cut(n.Value, "/")
		if r.None = n.Value == "none"; r.None {
			return nil
		}
		if r.Namespace, r.Workload = ns, workload; !ok || ns == "" || workload == "" {
			return fmt.Errorf("line %d: resolver: %q is neither none nor NAMESPACE/WORKLOAD", n.Line, n.Value)
		}
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: resolver: want none, NAMESPACE/WORKLOAD, or a mapping of namespace and labels", n.Line)
	}
	for i := 0; i < len(n.Content); i += 2 { // what a type decodes by itself is not asked for unknown keys
		if key := n.Content[i]; key.Value != "namespace" && key.Value != "labels" {
			return fmt.Errorf("line %d: resolver: there is no key %q: it has namespace and labels", key.Line, key.Value)
		}
	}
	var m struct {
		Namespace string            `yaml:"namespace"`
		Labels    map[string]string `yaml:"labels"`
	}
	if err := n.Decode(&m); err != nil {
		return err
	}
	if r.Namespace, r.Labels = m.Namespace, m.Labels; m.Namespace == "" || len(m.Labels) == 0 {
		return fmt.Errorf("line %d: resolver: it needs a namespace and labels", n.Line)
	}
	return nil
}

// DefaultMinWatch is how long pods are watched before they are denied by default, where nobody says otherwise.
const DefaultMinWatch = 24 * time.Hour

// Given says what was asked for on the command line: sluice.yaml does not decide it.
type Given struct{ Widen, MinWatch bool }

// synth takes over what the flags have not set.
func (c *Config) synth(cfg *synth.Config, flags Given) error {
	if c.SystemNamespaces != nil {
		cfg.SystemNamespaces = c.SystemNamespaces
	}
	if !flags.Widen {
		cfg.Widen = c.Widen
	}
	if c.MinWatch != nil && !flags.MinWatch {
		cfg.MinWatch = *c.MinWatch
	}
	switch c.Suspicion {
	case "", "find":
	case "hold":
		cfg.HoldSuspect = true
	default:
		return Usagef("config: suspicion %q: want find (a finding beside the rule) or hold (no rule until you decide)", c.Suspicion)
	}
	if c.Resolver != nil {
		cfg.Resolver = &c.Resolver.Resolver
	}
	book, err := c.decisions()
	if err != nil {
		return err
	}
	cfg.Decisions, cfg.AllowWaste, cfg.NamePrefix = book, c.AllowWaste, c.NamePrefix
	for _, n := range c.Networks {
		if n.Name == "" || len(n.CIDRs) == 0 {
			return Usagef("config: networks: each needs a name and cidrs, %q has not", n.Name)
		}
		cfg.Networks = append(cfg.Networks, synth.Network{Name: n.Name, CIDRs: n.CIDRs})
	}
	cfg.Declared = c.Cluster.Workloads
	return c.places(cfg)
}

// began is when this process did.
var began = time.Now()

// now is the clock, and no earlier than what it would be had nobody set it since the process began: a record is not of
// the future because a clock went back.
func now() model.Micros {
	return max(time.Now().UnixMicro(), began.UnixMicro()+time.Since(began).Microseconds())
}

// graph returns what graphs are built with.
func (c *Config) graph() graph.Config {
	return graph.Config{
		Backends: c.backends(),
		Workloads: workload.Config{
			AddVolatile:  c.VolatileLabels.Add,
			KeepVolatile: c.VolatileLabels.Keep,
			Declared:     c.declared(),
		},
		Now:  now(),
		AsOf: c.AsOf,
	}
}

// LoadConfig reads path, or ./sluice.yaml if path is empty and the file is there. An unknown key is an error with
// its line.
func LoadConfig(path string) (*Config, error) {
	name := cmp.Or(path, DefaultConfig)
	f, err := disk.Open(name)
	if errors.Is(err, disk.ErrPipe) {
		return nil, Usagef("config %w", err)
	}
	if path == "" && errors.Is(err, fs.ErrNotExist) {
		return &Config{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	defer f.Close()
	return parseConfig(name, f)
}

// maxConfig is how many bytes a configuration may have: it comes with a change that somebody proposes, and a list costs
// fifty times as much memory as its text.
const maxConfig = 16 << 20

func parseConfig(name string, r io.Reader) (*Config, error) {
	c := &Config{}
	whole := &io.LimitedReader{R: r, N: maxConfig}
	d := yaml.NewDecoder(whole)
	d.KnownFields(true)
	err := d.Decode(c)
	switch {
	case whole.N == 0:
		return nil, Usagef("config %s: %d MiB or more", name, maxConfig>>20)
	case err != nil && !errors.Is(err, io.EOF):
		return nil, Usagef("config %s: %s", name, strings.Join(misread(err, reflect.TypeFor[Config]()), "; "))
	case further(d):
		return nil, Usagef("config %s: a second document: write all in one, without ---", name)
	}
	if err := CheckWidenings(c.Widen); err != nil {
		return nil, Usagef("config %s: %w", name, err)
	}
	if c.MinWatch != nil && *c.MinWatch < 0 {
		return nil, Usagef("config %s: minWatch %s is negative", name, *c.MinWatch)
	}
	return c, nil
}

// further reports whether anything follows the document that was read, which would be left out.
func further(d *yaml.Decoder) bool {
	var more any
	err := d.Decode(&more)
	return err != nil && !errors.Is(err, io.EOF) || more != nil
}

// CheckWidenings is an error of usage where a widening is asked for that there is not.
func CheckWidenings(asked []string) error {
	for _, w := range asked {
		if !slices.Contains(synth.Widenings(), w) {
			return Usagef("there is no widening %q (%s); TCP 53 beside UDP 53 is always opened", w, strings.Join(synth.Widenings(), ", "))
		}
	}
	return nil
}

// declared are the manifests as workloads are told of them.
func (c *Config) declared() []workload.Declared {
	var out []workload.Declared
	for i := range c.Manifests {
		m := &c.Manifests[i]
		out = append(
			out,
			workload.Declared{
				Namespace:      m.Namespace,
				Kind:           m.Kind,
				Name:           m.Name,
				Selector:       m.Selector,
				Labels:         m.Labels,
				ServiceAccount: m.ServiceAccount,
			},
		)
	}
	return out
}

// tieredConfig says how ClusterNetworkPolicies are written.
type tieredConfig struct {
	Version  string `yaml:"version"`  // of policy.networking.k8s.io
	Baseline bool   `yaml:"baseline"` // everything in the tier of that name, no NetworkPolicies
}

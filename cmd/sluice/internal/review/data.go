// Package review is the page on which a person reads a bundle: what it holds is gathered here, its places are those
// that the bundle came with, it is shown by what web/ builds, and served on loopback to one browser, or written into
// one file. It decides nothing: what decisions would change is asked of package run, which also writes them.
package review

import (
	"fmt"
	"time"

	"sluice/cmd/sluice/internal/run"
	"sluice/synth/bundle"
	"sluice/synth/decision"
)

// Input is what a page is made of.
type Input struct {
	Dir      string // of the bundle
	Policies *run.Policies
	Log      *run.Log // of its evidence; nil: it has none
	Config   *run.ConfigFile
	By       string // who decides, where the reviewer does not say otherwise
	ReadOnly bool
}

// Page is what the page shows. Texts that repeat are indices into Strings, and -1 is none; lists are sorted. The fields
// are additive within v1.
type Page struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Dialect    string `json:"dialect"`
	Cluster    string `json:"cluster,omitempty"`
	AsOf       string `json:"asOf,omitempty"`
	ReadOnly   bool   `json:"readOnly"`
	Evidence   bool   `json:"evidence"` // effects can be computed, and there are curves
	Seen       bool   `json:"seen"`     // the report of the run is at hand: counts and times are known
	By         string `json:"by,omitempty"`
	Config     string `json:"config,omitempty"` // the file that decisions are written to

	Strings    []string           `json:"strings"`
	Answer     Answer             `json:"answer"`
	Namespaces []bundle.Namespace `json:"namespaces"`
	Groups     []Group            `json:"groups"`
	Peers      []Peer             `json:"peers"`
	Edges      Edges              `json:"edges"`
	Rules      []Rule             `json:"rules"`
	Policies   []Policy           `json:"policies"`
	Findings   []bundle.Finding   `json:"findings"`
	Widenings  []Widening         `json:"widenings"`
	Lost       []Case             `json:"lost"` // what verify says should be looked at
	Decisions  []Decision         `json:"decisions"`
	Saved      []Decision         `json:"saved"`   // what this page wrote besides
	Removed    []int              `json:"removed"` // of Decisions, those that this page took out of the file
	Backtest   []Cut              `json:"backtest"`
	Causes     []string           `json:"causes"` // of what a backtest loses

	files map[string]string // the texts of the policies, by file
}

// Answer is what the replay came to.
type Answer struct {
	Connections    map[string]uint64 `json:"connections"`
	OverPermission int               `json:"overPermission"`
	Universe       int               `json:"universe"`
	UnusedRules    int               `json:"unusedRules"`
	Edited         []string          `json:"edited"` // files that people changed
	Problems       []string          `json:"problems"`
}

// Group is a box with peers: a namespace, or what lies outside all of them.
type Group struct {
	Name    string  `json:"name"`
	Subject bool    `json:"subject"` // the bundle has policies for it
	X       float64 `json:"x"`       // of its middle
	Y       float64 `json:"y"`
	Width   float64 `json:"w"`
	Height  float64 `json:"h"`
	Peers   []int   `json:"peers"`
}

// Peer is an end of edges.
type Peer struct {
	ID       string            `json:"id"`
	Group    int               `json:"group"`
	X        float64           `json:"x"`
	Y        float64           `json:"y"`
	Pod      bool              `json:"pod"`
	Selector map[string]string `json:"selector,omitempty"` // of a subject
	Ready    []Ready           `json:"ready,omitempty"`
}

// Ready reports whether enough was seen of a direction.
type Ready struct {
	Direction string `json:"direction"`
	State     string `json:"state"`
	Chance    string `json:"chance"`
	Why       string `json:"why,omitempty"`
}

// Edges are the edges of the bundle, a list a field.
type Edges struct {
	Source      []int    `json:"source"` // peers
	Destination []int    `json:"destination"`
	Port        []int    `json:"port"` // from here on strings
	State       []int    `json:"state"`
	Grade       []int    `json:"grade"`
	Doubt       []int    `json:"doubt"`
	Reason      []int    `json:"reason"`
	Decided     []int    `json:"decided"` // by decisions that were learned with
	Observers   []int    `json:"observers"`
	Names       []int    `json:"names"`
	SourcePod   []int    `json:"sourcePod"`
	DestPod     []int    `json:"destinationPod"`
	Records     []uint64 `json:"records"`
	Connections []uint64 `json:"connections"`
	Hours       []int    `json:"hours"`
	First       []int64  `json:"first"` // seconds since 1970 UTC, 0: not known
	Last        []int64  `json:"last"`
	Flags       []int    `json:"flags"`    // 1: the dialect cannot say it, 2: allowed on purpose though it never worked
	Decision    []int    `json:"decision"` // index into Decisions, -1: none
}

// Rule is a rule of the policies as they are in the files.
type Rule struct {
	ID        string `json:"id"`
	Policy    int    `json:"policy"`    // index into Policies, -1: it is in no file
	Direction int    `json:"direction"` // string
	Risk      int    `json:"risk"`      // string: what it crosses
	Kind      int    `json:"kind"`      // string: learned, held open, widened, by hand, missing
	Text      string `json:"text"`
	Edges     []int  `json:"edges"`
	New       bool   `json:"new,omitempty"`
	From      int    `json:"from,omitempty"` // the first and last line of it in the file
	To        int    `json:"to,omitempty"`
}

// Policy is a policy and the file that it stands in.
type Policy struct {
	Name string `json:"name"`
	File string `json:"file"`
}

// Widening is what was opened beside what was seen.
type Widening struct {
	Kind  string   `json:"kind"`
	Text  string   `json:"text"`
	Price int      `json:"price"`
	Pairs []string `json:"pairs"` // the first of them
	Rules []string `json:"rules,omitempty"`
}

// Case is an edge with a verdict that someone should look at.
type Case struct {
	Verdict     string `json:"verdict"`
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Port        string `json:"port"`
	Connections int    `json:"connections"`
	Why         string `json:"why"`
}

// Decision is a decision as it is sent to the page and back.
type Decision struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Port        string `json:"port"`
	Verdict     string `json:"verdict"`
	Reason      string `json:"reason"`
	By          string `json:"by,omitempty"`
	Until       string `json:"until,omitempty"`
}

// Cut is what would have been lost, had the rest been denied at a time.
type Cut struct {
	At    int64 `json:"at"`
	Known int   `json:"known"`
	Lost  []int `json:"lost"` // edges by cause
}

// making is a page being made.
type making struct {
	in    *Input
	m     *bundle.Manifest
	page  *Page
	texts map[string]int
	peers map[string]int
}

// text is the index of a text, -1 for none.
func (k *making) text(s string) int {
	if s == "" {
		return -1
	}
	i, ok := k.texts[s]
	if !ok {
		i = len(k.page.Strings)
		k.texts[s] = i
		k.page.Strings = append(k.page.Strings, s)
	}
	return i
}

// decided is a decision that came from the page.
func (d *Decision) decided() (decision.Decision, error) {
	out := decision.Decision{Source: d.Source, Destination: d.Destination, Port: d.Port, Reason: d.Reason, By: d.By}
	var err error
	if out.Verdict, err = decision.ParseVerdict(d.Verdict); err != nil {
		return out, err
	}
	if d.Until != "" {
		if out.Until, err = time.Parse(time.DateOnly, d.Until); err != nil {
			return out, fmt.Errorf("until: %q is no day (2027-01-31)", d.Until)
		}
	}
	return out, nil
}

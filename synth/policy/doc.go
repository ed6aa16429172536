// Package policy holds network policies in words that belong to no vendor: PolicySet, Policy, Rule, Peer, Port and
// Selector, their canonical order, and the ids of rules. It reads and writes no YAML, which is the dialects' work
// (synth/render), and decides no connection, which is synth/eval's.
package policy

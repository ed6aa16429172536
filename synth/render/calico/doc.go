// Package calico is the dialect projectcalico.org/v3: NetworkPolicy and GlobalNetworkPolicy, their staged kinds, tiers
// and network sets. Render writes policies and says what the dialect cannot say; Parse reads anybody's YAML and reports
// everything that it does not take over. It decides no connection and touches no file.
package calico

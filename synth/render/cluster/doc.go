// Package cluster is the dialect policy.networking.k8s.io ClusterNetworkPolicy: NetworkPolicies for what a namespace
// allows, and ClusterNetworkPolicies in the tiers around them. It reads the kinds that came before it and those of AWS
// as well. It never writes an allow into the tier Admin, decides no connection and touches no file.
package cluster

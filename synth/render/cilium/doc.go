// Package cilium writes policies as cilium.io/v2 CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy, named networks
// as CiliumCIDRGroup, and reads them strictly, those of other authors among them. What decides no connection of a pod
// (host policies) is skipped, what would need an agent to resolve (services, cloud groups) is left out, both with a
// problem; rules for layer 7 are read as what they say of layers 3 and 4, with a note that they allow less.
package cilium

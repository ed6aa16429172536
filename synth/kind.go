package synth

// Severity says how much a finding matters.
type Severity uint8

// The severities.
const (
	Info    Severity = iota // good to know
	Warning                 // look at it before merging
	Blocks                  // keeps a direction of a namespace from being enforced
)

// String is the lower-case name.
func (s Severity) String() string { return [...]string{"info", "warning", "blocks"}[s] }

// Kind is a kind of findings. Its text is what bundle.json calls it.
type Kind string

// The kinds of findings.
const (
	KindInexpressible Kind = "inexpressible"     // worked, but the dialect has no rule for it
	KindRefused       Kind = "refused"           // seen, but cannot be learned from
	KindService       Kind = "service-address"   // an address of a service, and no record of the backend
	KindProxied       Kind = "proxied"           // a backend that a proxy reaches for the client
	KindDenied        Kind = "denied"            // policy denied it; not learned
	KindLearnedDenied Kind = "learned-denied"    // policy denied it; learned because that was asked for
	KindMixed         Kind = "mixed"             // worked and was denied at other times
	KindAudit         Kind = "staged-deny"       // policies of the cluster that are only watched would deny it
	KindWorldPod      Kind = "world-pod"         // a pod by name that the datapath takes for world
	KindUnmanaged     Kind = "unmanaged"         // a pod that the network plugin does not manage
	KindHostNetwork   Kind = "host-network"      // a pod on its node's network, taken as the node
	KindL7Denied      Kind = "l7-denied"         // an L7 rule of the cluster denied requests on it
	KindFragile       Kind = "fragile-address"   // a peer known by its address only
	KindClients       Kind = "public-clients"    // clients of the internet, of which others come tomorrow
	KindMerged        Kind = "merged-workloads"  // owners that no stable label tells apart
	KindUnseen        Kind = "namespace-unseen"  // a chosen namespace without any workload
	KindSilent        Kind = "workload-unseen"   // a workload of the manifests that no record is of
	KindIsolated      Kind = "already-isolated"  // something denies in a namespace today
	KindWidened       Kind = "widened"           // opened beside what was seen
	KindProposed      Kind = "widening-proposed" // would be opened by a widening that was not asked for
	KindRandom        Kind = "random-ports"      // a pair that picks its ports by chance
	KindKept          Kind = "kept"              // only the former bundle has evidence of it
	KindPruned        Kind = "pruned"            // the former bundle allowed it, and it was too old to keep
	KindNotGlobal     Kind = "not-global"        // the default deny for all namespaces leaves a direction open
	KindNoDNS         Kind = "no-dns"            // connects out and was never seen asking a resolver
	KindNotWatched    Kind = "not-watched"       // the pods of a namespace were not watched for long enough
	KindOneNamespace  Kind = "one-namespace"     // they were watched only where they talk to one other namespace
	KindFiltered      Kind = "filtered"          // the log was filtered, so that absence shows nothing
	KindLost          Kind = "lost"              // worked, and the policies as they were written would block it
	KindIdle          Kind = "widening-idle"     // a widening that was asked for opens nothing there
	KindAttempted     Kind = "attempted"         // tried, and nobody answered; not learned
	KindReset         Kind = "reset"             // tried, and only ever reset; not learned
	KindFanOut        Kind = "fan-out"           // a client that tried many ports or peers in vain
	KindTunnel        Kind = "dns-tunnel"        // a client that asked for very many names of code of one zone
	KindHostPeer      Kind = "own-node-host"     // a peer seen only as the host of the pod's own node
	KindGenerated     Kind = "generated-label"   // a policy selects by a value that looks made for one release or run
	KindOwnNode       Kind = "own-node-client"   // a port that the host of the pod's own node alone was seen asking
	KindOtherNodes    Kind = "other-nodes"       // a peer seen only as other nodes than the pod's own
	KindMesh          Kind = "mesh-port"         // a port at which a mesh carries the connections of others
	KindMetadata      Kind = "node-metadata"     // a cloud tells the metadata of a node there
	KindOwners        Kind = "several-owners"    // names of several owners stand for one address
	KindLate          Kind = "late-records"      // records with times after nearly all others, or after the clock
	KindTCPDNSDenied  Kind = "dns-tcp-denied"    // TCP 53 stays shut because policy denied it
	KindAccepted      Kind = "accepted"          // allowed on purpose, by a decision
	KindRejected      Kind = "rejected"          // denied on purpose, by a decision
	KindIgnored       Kind = "ignored"           // no dependency, by a decision
	KindExpired       Kind = "decision-expired"  // a decision that has ended
	KindDangling      Kind = "decision-dangling" // a decision that names nothing
	KindCrowd         Kind = "crowd"             // more outside addresses than a policy should list
	KindHeap          Kind = "too-many"          // more pairs of port and peer than a policy can hold
	KindSuspect       Kind = "suspect"           // worked, and looks like a scan, a test, or what nobody meant
	KindNetworkSet    Kind = "networkset"        // a selector for pods finds a NetworkSet, too
	KindReopens       Kind = "reopens"           // policies decide in a namespace that is opened for a while
	KindTaken         Kind = "name-taken"        // the cluster has an object of that name that is not ours
	KindLacks         Kind = "cluster-lacks"     // the cluster does not have what the policies need
	KindOpenIngress   Kind = "ingress-open"      // what comes in from outside and from nodes cannot be denied
	KindOutlier       Kind = "outlier"           // pods that bear a workload's name and have other labels
)

// page is what there is to say of a kind.
type page struct {
	severity                   Severity // of the gravest of its findings
	cause, consequence, remedy string
}

var pages = map[Kind]page{
	KindInexpressible: {Blocks,
		"A connection worked and the dialect has no rule that allows just it: a protocol or a peer that it cannot name, or a pod that no selector reaches.",
		"A default deny would cut it, so its port is held open at its workload, or all of that direction where no rule can say the port.",
		"Use a dialect that can say it, decide to ignore what nothing needs, name the addresses under networks, or give the pod labels; --enforce-anyway cuts it."},
	KindRefused: {Blocks,
		"Records were seen whose direction, ends or ports the log leaves open, or of pods that no selector reaches.",
		"No rule is learned from them. A default deny may cut what they stand for, so that stays open: to that peer, where it can be told.",
		"Give pods without a lasting label one in their template; record more (labels, both observation points, no aggregation); or look at the edge and decide: accept, or ignore where nothing depends on it."},
	KindService: {Blocks,
		"A client used the address of a service, and no record of it shows the backend: a Gateway, an Ingress or another proxy took the connection, or the log lacks the other end.",
		"Its egress is judged against a backend that the log does not name, so its direction is not denied.",
		"Record on all nodes; give --manifests with the Service and the Ingress or route before it; or decide to widen to the backend and its port, and to ignore the connection to the service."},
	KindProxied: {Info,
		"A client asked a Gateway, an Ingress or another service with a proxy, and the records of its requests, or the manifests, show the one backend behind it.",
		"Its egress is allowed to that backend, against which the proxy is judged. Nothing is allowed to come in there from the client.",
		"Learn again when the route changes."},
	KindDenied: {Info,
		"A policy of the cluster denied the connection each time.",
		"It stays denied.",
		"If it should work, allow it with --learn-denied or a decision."},
	KindLearnedDenied: {Warning,
		"A policy of the cluster denied the connection each time, and --learn-denied was given.",
		"It is allowed.",
		"Check that each of these should work."},
	KindMixed: {Warning,
		"The connection worked in some hours and was denied in others: a policy was changed, or pods of one workload differ.",
		"It is allowed.",
		"Check that it should be."},
	KindAudit: {Warning,
		"A policy of the cluster that is staged or in audit mode would deny the connection.",
		"That policy denies what the learned one allows.",
		"Decide which of them is right before either is enforced."},
	KindWorldPod: {Warning,
		"The log names the pod or has its address, but its identity was that of the outside world: its address was not known yet.",
		"The rule names the pod; until the datapath knows it, it may drop the connection.",
		"Nothing, if it is rare; else look why identities come late."},
	KindUnmanaged: {Warning,
		"The pod was started before the network plugin and is not managed by it.",
		"No policy is enforced at that end.",
		"Restart the pod."},
	KindHostNetwork: {Warning,
		"The pod uses the network of its node.",
		"Policies see the node, not the pod.",
		"Do not expect a policy for pods to hold it."},
	KindL7Denied: {Warning,
		"Requests on the connection were denied by an L7 rule of the cluster.",
		"Policies allow together: beside a learned rule, which looks at no requests, the L7 rule denies none of them any more.",
		"Learn with --with POLICIES-IN-FORCE --missing-only: no rule is written where the L7 rule's policy allows the connection."},
	KindFragile: {Warning,
		"The outside peer is known by its address and by no name that a rule can use.",
		"The rule breaks when the address changes.",
		"Name its range under networks, or use a dialect with DNS names; what anybody may reach, or has to reach anything, is for --widen anywhere."},
	KindClients: {Warning,
		"Many clients at public addresses use a port, and most of them came once: a public service.",
		"The policy lists the addresses that were seen. Every other client is cut by the default deny.",
		"Choose --widen anywhere if all may come; else name the networks of the clients in the configuration."},
	KindMerged: {Warning,
		"No stable label tells several owners apart, so that they are one workload.",
		"Each of them is allowed what any of them needs.",
		"Give each owner a label of its own."},
	KindUnseen: {Warning,
		"No workload of a namespace that was asked for was seen.",
		"Nothing is learned for it, and it is not denied.",
		"Check its name, or record there."},
	KindIsolated: {Warning,
		"Policies of the cluster deny connections in the namespace already.",
		"A policy that opens the namespace for a while would allow what is denied there today, so there is none. A direction " +
			"that may not be denied yet is held open all the same, but for workloads that policies surely isolate.",
		"Replay new flows before you apply the first phase: there its policies count at once."},
	KindWidened: {Warning,
		"More is allowed than was seen, by a named widening and at the price that is told.",
		"What was never seen is allowed.",
		"Check that the price is worth it."},
	KindProposed: {Warning,
		"A pair picks its ports from a range, of which some were seen.",
		"Another port of the range is denied.",
		"Open the range with --widen ranges, or give the application a fixed port."},
	KindRandom: {Warning,
		"A pair picks its ports by chance, over a range too wide to open: passive FTP, RPC, RMI and their like without a setting.",
		"The rule has the ports that were seen; the next connection picks another one, and is denied.",
		"Give the application a fixed port or a range, and record again."},
	KindKept: {Info,
		"The flows no longer show the connection; the former bundle did.",
		"Its rule is kept.",
		"Drop what is old with --prune-unused."},
	KindPruned: {Warning,
		"The former bundle allowed the connection, and it was last seen too long ago.",
		"It is denied once the direction is.",
		"Check that nobody needs it."},
	KindNotGlobal: {Warning,
		"A namespace cannot be denied yet, so the default deny for all namespaces leaves its direction out.",
		"Namespaces to come stay open in it.",
		"Decide on the blockers of the namespace."},
	KindNoDNS: {Blocks,
		"The pod connects out and was never seen asking for a name: it needs none, or the capture does not have its questions.",
		"A default deny for egress would take its names away, so the direction is not denied.",
		"Record port 53, or name the resolver in the configuration (resolver: NAMESPACE/WORKLOAD, or none where no names are asked for)."},
	KindNotWatched: {Blocks,
		"The records of the pods of a namespace span less time than is asked for, hours without any record aside.",
		"What comes once a day or a week has not been seen; neither direction is denied.",
		"Go on recording, or ask for less with --min-watch."},
	KindOneNamespace: {Blocks,
		"Every record has an end in one other namespace, or in a few: the log was filtered by them.",
		"What the pods do elsewhere, or who comes from outside, is in no record; neither direction is denied.",
		"Learn for those namespaces only, or record without a filter by namespace."},
	KindFiltered: {Blocks,
		"Something keeps a kind of records out of the log: a filter, or nodes that do not export.",
		"What is in no record may happen all the same; the directions of which that is so are not denied.",
		"Record without the filter; sluice doctor names what is missing."},
	KindLost: {Blocks,
		"The replay of the written policies denies a connection that worked.",
		"The direction is not denied.",
		"Look at the reason; records of several clusters or formats in one log are the usual one."},
	KindIdle: {Warning,
		"A widening was asked for and has nothing to open in a namespace.",
		"It opens nothing there.",
		"Name what it lacks in the configuration, or drop it."},
	KindAttempted: {Warning,
		"A connection was tried and nobody answered, in a log that shows answers.",
		"Nothing shows that it ever worked: it is in no policy and holds nothing back.",
		"If the server was only down, record again or decide to accept it."},
	KindReset: {Warning,
		"A connection was tried and only ever reset.",
		"Nothing shows that it ever worked: it is in no policy and holds nothing back.",
		"If it should work, record again or decide to accept it."},
	KindFanOut: {Warning,
		"A client tried many ports or peers in vain: a scan, or a client whose servers are gone.",
		"None of the connections is in a policy.",
		"Look at the client."},
	KindTunnel: {Warning,
		"A client asked for very many different names of one zone that are long or look like code, on one day or over many: it carries data in them to whoever " +
			"answers for the zone, or uses a service that works by such names (block lists, telemetry).",
		"Its resolver stays allowed, and whatever the resolver forwards.",
		"Look at the client. If nobody meant it, have the resolver refuse the zone; or write a policy that lets it ask for other names only (rules.dns), " +
			"and learn with --with THAT --missing-only: beside the learned rule, which lets it ask for all, that would change nothing."},
	KindHostPeer: {Warning,
		"The peer is the host of the node that the pod ran on, and no other node was seen in that place.",
		"The rule allows the own node only: it breaks when the pod or what listens there moves to another.",
		"Record until it is seen from another node, or allow the entity remote-node by a policy in extra/."},
	KindGenerated: {Warning,
		"A label by which policies select the pods has a value that looks made for one release or run, and no other label tells them from others.",
		"The next release or run has another value: no policy selects it and no rule lets it pass, so a default deny cuts it.",
		"Select by another key: name this one under volatileLabels, add, and give the pods a label that stays."},
	KindOwnNode: {Info,
		"The host of the pod's own node asked the port, and nothing else did: the kubelet probes it, or a pod on the network of the " +
			"node (an ingress controller, an agent) needs it. The log has the same for both.",
		"The own node is always let in. Where the client is no kubelet, it is cut off as soon as either moves to another node.",
		"Give --manifests: they say which ports are probed. For a client on another node allow the entity remote-node by a policy in extra/."},
	KindOtherNodes: {Warning,
		"The peer is a node, and the pod was never seen connecting so to its own: that is another entity.",
		"The rule allows other nodes only: it breaks when the pod moves to the node that it needs, or what listens there to that of the pod.",
		"Record until it is seen with the own node, or allow the entity host by a policy in extra/."},
	KindMesh: {Warning,
		"The port is one at which the proxies of a mesh carry the connections of others, and what is inside is in no record.",
		"The rule allows the peer every service of the pod that is in the mesh, on any port.",
		"Keep the services apart by the mesh's own authorization policies."},
	KindMetadata: {Warning,
		"The peer is the address at which a cloud tells a node's metadata.",
		"Who may ask it may get the credentials of the node, and whoever makes the pod ask for an address of his choice as well.",
		"Give the pod an identity of its own, and reject this; where that cannot be, let the node's metadata ask for a token (IMDSv2)."},
	KindSuspect: {Warning,
		"A connection worked, and looks like a scan, a person's test, a step between environments, or what nobody meant.",
		"It is allowed: a log does not tell what somebody meant, and nothing that worked is left out for its looks. " +
			"With suspicion: hold in the configuration no rule is learned of it, and it is held open beside the others.",
		"Look at it. Accept it by a decision, or reject it by the one that the finding gives."},
	KindSilent: {Blocks,
		"The manifests declare a workload that no record is of: it did not run, or the log was filtered.",
		"No rule is learned for it. A default deny would cut it, so it is held open; what it needs of workloads that are denied is cut at their end.",
		"Let it run while you record, without filters; or decide what it needs (widen), or that it needs nothing (ignore, with \"*\" as the other end and port). sluice ready waits for it."},
	KindOwners: {Warning,
		"Names that were registered by different owners stand for one address.",
		"Where the dialect allows names each of them is allowed, and its owner can point it at any address.",
		"Find out why the client asks for each, and learn again once it asks for those alone that it needs. A decision is about the address: reject denies it under all of its names."},
	KindLate: {Warning,
		"Some records are dated after nearly all others, or after the clock.",
		"A clock is wrong or they are forged; ages are counted to the time before which the others lie.",
		"Look at the clock of the node that wrote them, and at that of this machine."},
	KindAccepted: {Info,
		"A person decided that the connection is to be allowed, whatever the log says of it.",
		"It is allowed.",
		"Nothing; the decision and its reason stand in the configuration."},
	KindRejected: {Info,
		"A person decided that the connection is to be denied.",
		"It is denied on purpose once its direction is, and counts as rejected.",
		"Nothing; the decision and its reason stand in the configuration."},
	KindIgnored: {Info,
		"A person decided that nothing depends on the connection.",
		"Nothing is learned of it, and it holds nothing open.",
		"Nothing; the decision and its reason stand in the configuration."},
	KindExpired: {Blocks,
		"A decision had a date, and it has passed.",
		"What it allows stays allowed. What it rejected or ignored is undecided again, and its direction is not denied.",
		"Decide again: give another date, or none, or take the decision out."},
	KindDangling: {Warning,
		"A decision names no edge that was seen, or a peer that is not there.",
		"It decides nothing.",
		"Take it out of the configuration, or mend its names: sluice show edges prints them."},
	KindCrowd: {Blocks,
		"More outside addresses talk to a port of a workload, or are talked to, or by more names, than a policy should list: a public service, forged " +
			"sources, or names made for each request.",
		"No rule is written for them, and the port is held open at the workload in that direction, to whoever.",
		"Name their networks in the configuration, choose --widen anywhere, cidr or suffixes, or decide."},
	KindHeap: {Blocks,
		"A workload uses, or is used on, more pairs of port and peer than a policy can hold, or more addresses than one should list.",
		"No rule is written for that direction, and the workload is held open in it.",
		"Give the application fixed ports, name networks in the configuration, choose --widen ranges, or decide."},
	KindNetworkSet: {Warning,
		"Calico finds a NetworkSet by its labels wherever a selector of pods looks into its namespace, and one has labels that a rule asks for.",
		"What has an address of the set is allowed like the pods.",
		"Give the NetworkSet other labels than the pods, or move it to a namespace of its own."},
	KindReopens: {Warning,
		"Policies decide connections in the namespace today, and the log shows no denial of theirs.",
		"The phase open allows what they deny, until it is removed.",
		"Replay new flows before the first phase, and apply all of them at once; give the policies with --with to see what they do."},
	KindTaken: {Warning,
		"The cluster has an object of this kind, namespace and name, and no label says that it is of this bundle.",
		"Applying the bundle replaces it.",
		"Give the names of the bundle a prefix (namePrefix in the configuration), or call the bundle by its name (--name) if it is an earlier state of it."},
	KindLacks: {Warning,
		"The objects of the cluster say that it has no such version or option of its network plugin.",
		"The policies do not mean there what they mean here: applied, they may cut what works, or deny nothing.",
		"Do not apply them before the plugin is upgraded or its option set, or write another dialect."},
	KindOpenIngress: {Warning,
		"All is written into the tier Baseline, and no ClusterNetworkPolicy has a peer for ingress from outside or from nodes.",
		"Pods of the namespace take what comes from there, whether it was seen or not.",
		"Write NetworkPolicies (leave out clusterPolicies.baseline), or deny it by one of your own in extra/."},
	KindOutlier: {Warning,
		"Pods bear the name of a workload and have other labels than its pods, while its pods go on.",
		"They are a workload of their own: the other keeps its selector, and allows no more for them.",
		"Look who made them; if they are a new generation of the workload, record until the old one is gone."},
	KindTCPDNSDenied: {Info,
		"Policy denied TCP 53 to a resolver that answers UDP 53.",
		"Answers too long for UDP fail.",
		"Open it with --learn-denied, or leave it."},
}

// Severity is that of the gravest findings of the kind.
func (k Kind) Severity() Severity { return pages[k].severity }

// Page explains a kind: what its findings come from, what follows, and what to do.
func (k Kind) Page() string {
	p := pages[k]
	return p.cause + "\n" + p.consequence + "\n" + p.remedy + "\n"
}

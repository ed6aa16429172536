// The data of the page, made ready for asking: edges, rules and findings, what belongs to what, and the filter.
const raw = JSON.parse(document.getElementById('data').textContent);

/** page is what the server or the file gave. */
export const page = raw;
const S = raw.strings;
const text = (i) => (i < 0 ? '' : S[i]);
const E = raw.edges;

/** edges are objects with their ends, for reading; made once. */
export const edges = E.source.map((source, i) => ({
  i,
  source,
  destination: E.destination[i],
  port: text(E.port[i]),
  state: text(E.state[i]),
  grade: text(E.grade[i]),
  doubt: text(E.doubt[i]),
  reason: text(E.reason[i]),
  decided: text(E.decided[i]),
  observers: text(E.observers[i]),
  names: text(E.names[i]),
  sourcePod: text(E.sourcePod[i]),
  destinationPod: text(E.destinationPod[i]),
  records: E.records[i],
  connections: E.connections[i],
  hours: E.hours[i],
  first: E.first[i],
  last: E.last[i],
  inexpressible: (E.flags[i] & 1) !== 0,
  accepted: (E.flags[i] & 2) !== 0,
  fileDecision: E.decision[i],
  rules: [],
  findings: [],
}));

export const peers = raw.peers;
export const groups = raw.groups;
export const sourceOf = (e) => peers[e.source].id;
export const destinationOf = (e) => peers[e.destination].id;
export const groupOf = (peer) => groups[peers[peer].group];

/** rules are those of the files. */
export const rules = raw.rules.map((r, i) => ({
  ...r,
  i,
  policy: r.policy < 0 ? null : raw.policies[r.policy],
  direction: text(r.direction),
  risk: text(r.risk),
  kind: text(r.kind),
  edges: r.edges.map((k) => edges[k]),
}));
for (const r of rules) for (const e of r.edges) e.rules.push(r);

export const findings = raw.findings.map((f, i) => ({ ...f, i, edge: f.edge === undefined ? null : edges[f.edge] }));
for (const f of findings) if (f.edge) f.edge.findings.push(f);

const texts = document.getElementById('files').textContent; // read before the page is built over it
let files;
/** fileText is the text of a file of the bundle, once it is here: a served page asks for the files when one is wanted. */
export async function fileText(name) {
  files ??= texts.trim() ? Promise.resolve(JSON.parse(texts)) : fetch('files').then((r) => r.json());
  return (await files)[name] ?? '';
}

/** worked reports whether an edge was seen to work. */
export const worked = (e) => e.state === 'allowed' || e.state === 'mixed';

const subject = new Set(groups.filter((g) => g.subject).map((g) => g.name));
/** directionsOf are the directions in which the bundle has a say on an edge. */
export function directionsOf(e) {
  const out = [];
  if (subject.has(groupOf(e.source).name)) out.push('egress');
  if (subject.has(groupOf(e.destination).name)) out.push('ingress');
  return out;
}

// What the search looks in, in small letters, made on the first search.
let haystacks;
function hay() {
  if (haystacks) return haystacks;
  const ids = peers.map((p) => p.id.toLowerCase());
  const edge = edges.map((e) => `${ids[e.source]} ${ids[e.destination]} ${e.port} ${e.names.toLowerCase()} ${e.state} ${e.grade}`);
  const rule = rules.map((r) => `${r.id} ${r.policy?.name ?? ''} ${r.text} ${r.risk} ${r.kind} `.toLowerCase() + r.edges.map((e) => edge[e.i]).join(' '));
  const finding = findings.map((f) => `${f.kind} ${f.namespace ?? ''} ${f.text} ${f.consequence}`.toLowerCase());
  haystacks = { edge, rule, finding };
  return haystacks;
}

/** noFilter lets everything through. */
export const noFilter = () => ({ q: '', finding: '', direction: '', state: '', group: '', fresh: false, since: '' });

export const isFiltered = (f) => JSON.stringify(f) !== JSON.stringify(noFilter());

/** filtered says what a filter lets through: which edges (a byte each), and the rules and findings. */
export function filtered(f) {
  const words = f.q.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (s) => words.every((w) => s.includes(w));
  const at = words.length ? hay() : null;
  const since = f.since ? Date.parse(f.since + 'T00:00:00Z') / 1000 : 0;
  const kinds = f.finding ? findings.filter((x) => x.kind === f.finding) : [];
  const found = new Set(kinds.filter((x) => x.edge).map((x) => x.edge));
  const places = kinds.filter((x) => !x.edge && x.namespace);
  const placed = (ns, d) => places.some((x) => x.namespace === ns && (!x.direction || x.direction === d));
  const edgeOn = new Uint8Array(edges.length);
  for (const e of edges) {
    const from = groupOf(e.source).name, to = groupOf(e.destination).name;
    edgeOn[e.i] =
      (!f.group || from === f.group || to === f.group) &&
      (!f.state || e.state === f.state || (f.state === 'decided' && (e.decided || e.fileDecision >= 0))) &&
      (!f.direction || directionsOf(e).includes(f.direction)) &&
      (!since || e.first >= since) &&
      (!f.fresh || e.rules.some((r) => r.new)) &&
      (!f.finding || found.has(e) || (places.length > 0 && (placed(from, 'egress') || placed(to, 'ingress')))) &&
      (!at || has(at.edge[e.i])) ? 1 : 0;
  }
  const onRules = rules.filter((r) => {
    const ns = r.policy ? r.policy.name.split('/')[0] : '';
    return (!f.group || ns === f.group || r.edges.some((e) => groupOf(e.source).name === f.group || groupOf(e.destination).name === f.group)) &&
      (!f.direction || r.direction === f.direction) &&
      (!f.state || r.edges.some((e) => e.state === f.state || (f.state === 'decided' && (e.decided || e.fileDecision >= 0)))) &&
      (!since || r.edges.some((e) => e.first >= since)) &&
      (!f.fresh || r.new) &&
      (!f.finding || r.edges.some((e) => found.has(e)) || placed(ns, r.direction)) &&
      (!at || has(at.rule[r.i]));
  });
  const onFindings = findings.filter((x) =>
    (!f.finding || x.kind === f.finding) && (!f.direction || !x.direction || x.direction === f.direction) &&
    (!f.group || x.namespace === f.group) && (!at || has(at.finding[x.i])));
  return { edgeOn, edges: edges.filter((e) => edgeOn[e.i]), rules: onRules, findings: onFindings };
}

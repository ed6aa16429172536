// The pane that tells all about what is selected: evidence, YAML, findings, and what can be decided.
import { h, fill, count, plural, stamp, short, icon } from './dom.js';
import { page, edges, peers, groups, findings, fileText, sourceOf, destinationOf, groupOf } from './data.js';
import { state, select, takeOut } from './state.js';
import { direction, stateWord, ruleText, decisionTag, decisionOf, decisionOfRule, edgeText } from './words.js';
import { more } from './table.js';
import { ask } from './decide.js';

const facts = (list) => h('dl', { class: 'facts' }, list.filter(([, v]) => v !== '' && v !== null && v !== undefined && v !== false)
  .map(([k, v]) => [h('dt', {}, k), h('dd', {}, v)]));

const link = (text, to, extra = {}) => h('button', { class: 'link', onclick: () => select(to), ...extra }, text);
const edgeLink = (e) => link(short(edgeText(e), 110), { type: 'edge', edge: e });
const peerLink = (i) => link(short(peers[i].id, 70), { type: 'peer', peer: i });

/** verdictButtons are what can be decided about edges. */
function verdictButtons(list, title) {
  if (page.readOnly || !list.length) return null;
  return h('div', { class: 'buttons', role: 'group', 'aria-label': 'Decide' },
    [['accept', 'Accept', 'a'], ['reject', 'Reject', 'r'], ['widen', 'Widen', 'w'], ['ignore', 'Ignore', 'i']].map(([v, word, key]) =>
      h('button', { class: `verdict ${v}`, 'aria-keyshortcuts': key, onclick: () => ask(v, list, title) }, icon(v), ` ${word} `, h('kbd', {}, key))));
}

const seenText = (e) => page.seen && e.records > 0
  ? `${plural(e.records, 'record', 'records')}${e.connections ? `, ${plural(e.connections, 'connection', 'connections')}` : ''} in ${plural(e.hours, 'hour', 'hours')}`
  : 'counts are in report.json, which is not here';

function edgeCard(e) {
  return h('div', { class: 'card' },
    h('div', { class: 'line' }, edgeLink(e)),
    h('div', { class: 'line quiet' }, stateWord(e.state), e.grade && h('span', { class: 'tag' }, e.grade), decisionTag(decisionOf(e)),
      page.seen && e.records > 0 && h('span', {}, `${seenText(e)}; ${stamp(e.first)} to ${stamp(e.last)}`)));
}

function findingCard(f) {
  return h('div', { class: `card finding ${f.severity}` },
    h('div', { class: 'line' }, icon(f.severity === 'blocks' ? 'bad' : f.severity === 'warning' ? 'warn' : 'info'), h('strong', {}, ` ${f.severity}: ${f.kind}`)),
    h('p', {}, short(f.text, 1000), f.detail ? ` (${short(f.detail, 1000)})` : ''), h('p', { class: 'quiet' }, f.consequence));
}
export { findingCard };

/** yaml is the file of a rule with its lines marked. */
function yaml(r) {
  if (!r.policy) return h('p', { class: 'note bad' }, 'No file of the bundle has this rule any more: people took it out.');
  const box = h('div', {});
  fileText(r.policy.file).then((text) => fill(box, yamlOf(r, text.split('\n'))), () => fill(box, h('p', { class: 'error' }, 'The server does not answer: is sluice review still running?')));
  return box;
}

function yamlOf(r, lines) {
  const line = (n) => h('span', { class: n >= r.from && n <= r.to ? 'marked' : '' }, lines[n - 1] + '\n');
  const all = r.from ? lines.slice(r.from - 1, r.to).map((_, k) => line(r.from + k)) : lines.map((_, k) => line(k + 1));
  const whole = h('details', {}, h('summary', {}, 'The whole file'));
  whole.addEventListener('toggle', () => { if (whole.open && whole.children.length === 1) whole.append(h('pre', { class: 'yaml', tabindex: 0 }, lines.map((_, k) => line(k + 1)))); });
  return [
    h('p', { class: 'quiet' }, r.policy.file + (r.from ? `, lines ${r.from} to ${r.to}` : '')),
    h('pre', { class: 'yaml', tabindex: 0 }, all), whole,
  ];
}

const section = (title, ...children) => (children.flat(Infinity).some(Boolean) ? h('section', {}, h('h3', {}, title), children) : null);

function ofRule({ rule: r }) {
  const found = findings.filter((f) => f.edge && r.edges.includes(f.edge));
  const widening = page.widenings.filter((w) => w.rules?.includes(r.id));
  return [
    h('h2', {}, direction(r.direction), ' ', short(ruleText(r), 300)),
    verdictButtons(r.edges, `rule ${r.id}`),
    facts([
      ['Rule', h('code', {}, r.id)], ['Policy', r.policy?.name], ['Crosses', r.risk], ['Why it is there', { learned: 'flows asked for it', 'held open': 'it keeps open what cannot be denied yet', widened: 'it allows on purpose what was never seen', 'by hand': 'people wrote it; no flow was recorded for it', missing: 'flows asked for it' }[r.kind]],
      ['New', r.new && 'the last change of the bundle brought it'], ['Decided', decisionTag(decisionOfRule(r))],
    ]),
    section(`Evidence: ${plural(r.edges.length, 'edge', 'edges')}`, more(r.edges, edgeCard, 20)),
    section('Opened beside it', widening.map((w) => h('p', {}, `${w.text}: ${price(w.price)}`))),
    section('Findings', found.length > 0 && more(found, findingCard, 10)),
    section('YAML', yaml(r)),
  ];
}

/** price is how much a widening opens. */
export const price = (n) => (n >= Number.MAX_SAFE_INTEGER ? 'more connections than can be counted' : plural(n, 'connection never seen', 'connections never seen'));

function ofEdge({ edge: e }) {
  return [
    h('h2', {}, short(sourceOf(e), 90), ' → ', short(destinationOf(e), 90), ' ', e.port),
    verdictButtons([e], 'this edge'),
    facts([
      ['Source', peerLink(e.source)], ['Destination', peerLink(e.destination)], ['Port', e.port],
      ['State', stateWord(e.state)], ['Grade', e.grade + (e.doubt ? `: ${e.doubt}` : '')], ['Reason', e.reason],
      ['Decided', decisionTag(decisionOf(e))], ['Why', decisionOf(e)?.reason], ['By', decisionOf(e)?.by],
      ['In the file', !page.readOnly && e.fileDecision >= 0 && h('button', { onclick: () => takeOut(e.fileDecision) }, state.removed.includes(e.fileDecision) ? 'Put the decision back' : 'Take the decision out')],
      ['Seen', seenText(e)], ['First', page.seen && stamp(e.first)], ['Last', page.seen && stamp(e.last)],
      ['Observed at', e.observers], ['Asked for as', e.names && short(e.names, 300)], ['From pod', e.sourcePod && short(e.sourcePod)], ['To pod', e.destinationPod && short(e.destinationPod)],
      ['Dialect', e.inexpressible && 'it cannot say this edge'], ['Accepted', e.accepted && 'it never worked, and is allowed on purpose'],
    ]),
    section(`Rules for it: ${e.rules.length || 'none'}`, e.rules.map((r) => h('div', { class: 'card' }, h('div', { class: 'line' }, direction(r.direction), ' ', link(short(ruleText(r), 110), { type: 'rule', rule: r })), h('div', { class: 'quiet' }, r.policy?.name ?? 'in no file any more')))),
    section('Findings', e.findings.map(findingCard)),
    e.rules[0] && section('YAML', e.rules.slice(0, 2).map(yaml)),
  ];
}

function ofPeer({ peer: i }) {
  const p = peers[i];
  const out = edges.filter((e) => e.source === i), into = edges.filter((e) => e.destination === i);
  return [
    h('h2', {}, short(p.id, 120)),
    facts([
      ['Namespace', link(groupOf(i).name, { type: 'group', group: p.group })],
      ['Selected by', p.selector && Object.entries(p.selector).map(([k, v]) => h('code', { class: 'block' }, short(`${k}=${v}`, 90)))],
      ...(p.ready ?? []).map((r) => [`Watched, ${r.direction}`, `${r.state}${r.why ? `: ${r.why}` : ''}; ${r.chance} chance of a new edge within a week`]),
    ]),
    section(`It goes to: ${out.length}`, more(out, edgeCard, 20)),
    section(`It is reached by: ${into.length}`, more(into, edgeCard, 20)),
  ];
}

const status = { proven: 'isolated; nothing that was seen is lost', 'already-isolated': 'policies isolate it today already', held: 'held open', partial: 'isolated in part', forced: 'isolated all the same', edited: 'as people edited it', 'not-watched': 'not watched long enough', blocked: 'held open by an obstacle', lost: 'held open, something would be lost' };

function ofGroup({ group: i }) {
  const g = groups[i];
  const n = page.namespaces.find((x) => x.name === g.name);
  const here = edges.filter((e) => groupOf(e.source) === g && groupOf(e.destination) === g).length;
  const out = edges.filter((e) => groupOf(e.source) === g).length - here, into = edges.filter((e) => groupOf(e.destination) === g).length - here;
  return [
    h('h2', {}, short(g.name, 90)),
    facts([
      ['Has', plural(g.peers.length, 'peer', 'peers')], ['Edges', `${count(here)} inside, ${count(out)} going out, ${count(into)} coming in`],
      ['Ingress', n && (status[n.ingressStatus] ?? n.ingressStatus)], ['Egress', n && (status[n.egressStatus] ?? n.egressStatus)],
      ['Policies', n ? false : 'none: it is no namespace of this bundle'],
    ]),
    section('Obstacles', n?.obstacles.length > 0 && more(n.obstacles, (o) => h('p', {}, `${o.direction}: ${o.text}`), 10)),
    section('Peers', more(g.peers, (k) => h('div', { class: 'line' }, peerLink(k)), 60)),
  ];
}

function ofPair({ source, destination }) {
  const list = edges.filter((e) => (source.group ? peers[e.source].group === source.i : e.source === source.i) && (destination.group ? peers[e.destination].group === destination.i : e.destination === destination.i));
  const name = (x) => (x.group ? groups[x.i].name : peers[x.i].id);
  return [
    h('h2', {}, short(name(source), 80), ' → ', short(name(destination), 80)),
    verdictButtons(list.length <= 200 ? list : [], 'all of these edges'),
    section(plural(list.length, 'edge', 'edges'), more(list, edgeCard, 30)),
  ];
}

const views = { rule: ofRule, edge: ofEdge, peer: ofPeer, group: ofGroup, pair: ofPair };

/** detail makes the pane. */
export function detail() {
  const body = h('div', { class: 'body' });
  const el = h('aside', { class: 'detail', 'aria-label': 'Details', tabindex: -1 },
    h('button', { class: 'close', 'aria-label': 'Close details', onclick: () => select(null) }, '×'), body);
  return {
    el,
    show(selected) {
      el.classList.toggle('open', Boolean(selected));
      if (!selected) {
        fill(body, h('p', { class: 'quiet' }, page.readOnly ? 'Choose a rule, an edge or a workload to see what it rests on.' : 'Choose a rule, an edge or a workload to see what it rests on and to decide on it.'));
        return;
      }
      fill(body, views[selected.type](selected));
      el.scrollTop = 0;
    },
  };
}

/** edgesOf are those that a selection is about. */
export function edgesOf(s) {
  if (!s) return [];
  if (s.type === 'rule') return s.rule.edges;
  if (s.type === 'edge') return [s.edge];
  return [];
}

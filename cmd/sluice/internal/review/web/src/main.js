import './style.css';
import 'uplot/dist/uPlot.min.css';
import { h, fill, icon, count, plural, short, stamp } from './dom.js';
import { page, edges, rules, findings, peers, groups, sourceOf, destinationOf, noFilter, isFiltered, worked } from './data.js';
import { state, change, select, listen, undo, dirty } from './state.js';
import { table } from './table.js';
import { direction, stateWord, ruleShort, decisionTag, decisionOf, decisionOfRule } from './words.js';
import { detail, edgesOf, findingCard, price } from './detail.js';
import { ask, bar, decisionsView, write } from './decide.js';
import { boxes } from './boxes.js';
import { matrix } from './matrix.js';
import { curves } from './curves.js';

const letters = { a: 'accept', r: 'reject', w: 'widen', i: 'ignore' };
function act(list, title) {
  return (row, key) => {
    const v = letters[key];
    if (!v || page.readOnly || !list(row).length) return false;
    ask(v, list(row), title(row));
    return true;
  };
}
const keep = (x, ...c) => h('span', { class: 'keep', title: x }, ...(c.length ? c : [x]));

function ruleTable() {
  return table({
    label: 'Rules', key: (r) => r.i,
    columns: [
      { head: 'Policy', width: 'minmax(110px, 1.9fr)', class: 'c-policy', cell: (r) => keep(short(r.policy?.name ?? 'in no file', 60)) },
      { head: 'Direction', width: '96px', class: 'c-direction', cell: (r) => direction(r.direction) },
      { head: 'Allows', width: 'minmax(180px, 3fr)', class: 'c-allows', cell: (r) => [r.new && h('span', { class: 'tag new' }, 'new'), keep(short(ruleShort(r), 220))] },
      { head: 'Crosses', width: 'minmax(128px, 1.1fr)', class: 'c-risk', cell: (r) => (r.kind === 'learned' ? keep(r.risk) : h('span', { class: `tag kind ${r.kind.replace(' ', '-')}` }, r.kind)) },
      { head: 'Edges', width: '46px', class: 'number', cell: (r) => count(r.edges.length) },
      { head: 'Decided', width: '92px', class: 'c-decided', cell: (r) => decisionTag(decisionOfRule(r)) ?? '' },
    ],
    open: (r) => select({ type: 'rule', rule: r }), act: act((r) => r.edges, (r) => `rule ${r.id}`),
  });
}

function edgeTable() {
  return table({
    label: 'Edges', key: (e) => e.i,
    columns: [
      { head: 'Source', width: 'minmax(130px, 2fr)', class: 'c-policy', cell: (e) => keep(short(sourceOf(e), 60)) },
      { head: 'Destination', width: 'minmax(130px, 2fr)', class: 'c-allows', cell: (e) => keep(short(destinationOf(e), 60)) },
      { head: 'Port', width: '104px', class: 'c-port', cell: (e) => e.port },
      { head: 'State', width: '100px', class: 'c-risk', cell: (e) => stateWord(e.state) },
      { head: 'Records', width: '84px', class: 'number', cell: (e) => (page.seen ? count(e.records) : '') },
      { head: 'First seen', width: '134px', class: 'c-first', cell: (e) => (page.seen && e.first ? stamp(e.first) : '') },
      { head: 'Decided', width: '92px', class: 'c-decided', cell: (e) => decisionTag(decisionOf(e)) ?? '' },
    ],
    open: (e) => select({ type: 'edge', edge: e }), act: act((e) => [e], () => 'this edge'),
  });
}

function findingsView() {
  const el = h('div', { class: 'sheet' });
  return {
    el,
    show() {
      const kinds = new Map();
      for (const f of state.on.findings) kinds.set(f.kind, [...(kinds.get(f.kind) ?? []), f]);
      const lost = page.lost.filter((c) => c.verdict === 'lost' || c.verdict === 'escaped');
      fill(el,
        h('h2', {}, 'What would be lost, or is opened'),
        lost.length ? h('ul', { class: 'cases' }, lost.slice(0, 200).map((c) => h('li', {}, icon('bad'), h('strong', {}, ` ${c.verdict} `), h('code', {}, short(`${c.source} → ${c.destination} ${c.port}`, 120)), ` ${plural(c.connections, 'connection', 'connections')}: ${short(c.why, 200)}`)))
          : h('p', {}, icon('good'), page.evidence ? ' Nothing that was seen is lost or newly opened by these policies.' : ' Nothing was lost when the bundle was written.'),
        h('p', {}, icon(page.answer.overPermission ? 'warn' : 'good'), ` ${plural(page.answer.overPermission, 'connection', 'connections')} of ${count(page.answer.universe)} possible ${page.answer.overPermission === 1 ? 'is' : 'are'} allowed at an isolated end, neither seen nor widened by name.`),
        page.widenings.length > 0 && [h('h2', {}, 'Opened on purpose'), page.widenings.map((w) => h('details', {}, h('summary', {}, h('strong', {}, w.kind), `: ${w.text}; ${price(w.price)}`), h('ul', {}, w.pairs.map((p) => h('li', {}, h('code', {}, short(p, 120)))))))],
        h('h2', {}, `Findings: ${state.on.findings.length}`),
        !kinds.size && h('p', { class: 'quiet' }, 'None.'),
        [...kinds].map(([kind, list]) => h('details', { open: list.length <= 3 }, h('summary', {}, icon(list[0].severity === 'blocks' ? 'bad' : list[0].severity === 'warning' ? 'warn' : 'info'), ` ${kind}: ${list.length}`),
          list.slice(0, 100).map((f) => { const c = findingCard(f); if (f.edge) c.append(h('button', { class: 'link', onclick: () => select({ type: 'edge', edge: f.edge }) }, 'Show the edge')); return c; }), list.length > 100 && h('p', { class: 'quiet' }, `and ${list.length - 100} more: filter by namespace or search`))));
    },
  };
}

// The answer: what the replay says, in a few words with marks.
function answer() {
  const a = page.answer, n = (k) => a.connections[k] ?? 0;
  const chip = (kind, text, title) => h('li', { class: `chip ${kind}`, title }, icon(kind), ` ${text}`);
  const held = rules.filter((r) => r.kind === 'held open').length;
  return h('ul', { class: 'answer', 'aria-label': 'What the replay says' },
    Object.keys(a.connections).length
      ? [chip(n('lost') ? 'bad' : 'good', n('lost') ? `${plural(n('lost'), 'connection', 'connections')} would be lost` : 'nothing seen is lost', `${count(n('permitted'))} connections that worked are allowed`),
        n('escaped') > 0 && chip('bad', `${plural(n('escaped'), 'denied connection', 'denied connections')} would be allowed`),
        chip(a.overPermission ? 'warn' : 'good', a.overPermission ? `${count(a.overPermission)} allowed, never seen` : 'nothing is allowed but what was seen or is named', `of ${count(a.universe)} possible connections at isolated ends`),
        n('unproven') > 0 && chip('info', `${count(n('unproven'))} not proven`), n('inexpressible') > 0 && chip('warn', `${count(n('inexpressible'))} the dialect cannot say`), n('rejected') > 0 && chip('info', `${count(n('rejected'))} ${n('rejected') === 1 ? 'stays' : 'stay'} denied`, 'denied in the log, or decided against')]
      : chip('info', 'the replay is in report.json, which is not here'),
    held > 0 && chip('warn', `${plural(held, 'rule holds', 'rules hold')} something open`),
    a.edited.length > 0 && chip('warn', `${plural(a.edited.length, 'file', 'files')} edited by hand`, a.edited.join(', ')),
    a.problems.length > 0 && chip('warn', plural(a.problems.length, 'problem in the files', 'problems in the files'), a.problems.slice(0, 5).join('; ')));
}

function filters() {
  const set = (k, v) => change({ filter: { ...state.filter, [k]: v } });
  let timer;
  const q = h('input', { type: 'search', id: 'q', placeholder: 'Search: workload, port, rule …', 'aria-label': 'Search', 'aria-keyshortcuts': '/', oninput: () => { clearTimeout(timer); timer = setTimeout(() => set('q', q.value), 40); } });
  const choice = (k, label, list) => { const s = h('select', { 'aria-label': label, onchange: () => set(k, s.value) }, h('option', { value: '' }, label), list.map(([v, t]) => h('option', { value: v }, t))); return s; };
  const kinds = new Map();
  for (const f of findings) kinds.set(f.kind, (kinds.get(f.kind) ?? 0) + 1);
  const controls = {
    q, finding: choice('finding', 'Any finding', [...kinds].sort().map(([k, c]) => [k, `${k} (${c})`])),
    direction: choice('direction', 'Any direction', [['ingress', 'ingress'], ['egress', 'egress']]),
    state: choice('state', 'Any state', [...new Set(edges.map((e) => e.state))].sort().map((s) => [s, s]).concat([['decided', 'decided']])),
    group: choice('group', 'Any namespace', groups.map((g) => [g.name, short(g.name, 40)])),
    since: h('input', { type: 'date', id: 'since', onchange: (ev) => set('since', ev.target.value) }),
    fresh: h('input', { type: 'checkbox', id: 'fresh', onchange: (ev) => set('fresh', ev.target.checked) }),
  };
  const clear = h('button', { onclick: () => change({ filter: noFilter() }) }, 'Clear');
  const told = h('span', { class: 'quiet count', role: 'status', 'aria-live': 'polite' });
  listen((what) => {
    if (!what.has('filter')) return;
    for (const [k, c] of Object.entries(controls)) { if (k === 'fresh') c.checked = state.filter.fresh; else if (c.value !== state.filter[k]) c.value = state.filter[k]; }
    tell();
  });
  const tell = () => { clear.disabled = !isFiltered(state.filter); fill(told, isFiltered(state.filter) ? `${count(state.on.rules.length)} of ${plural(rules.length, 'rule', 'rules')}, ${count(state.on.edges.length)} of ${plural(edges.length, 'edge', 'edges')}` : `${plural(rules.length, 'rule', 'rules')}, ${plural(edges.length, 'edge', 'edges')}`); };
  tell();
  const el = h('div', { class: 'filters', role: 'search' }, q, h('details', { class: 'fold', open: matchMedia('(min-width: 900px)').matches }, h('summary', {}, 'Filters'),
    h('div', { class: 'folded' }, controls.group, controls.direction, controls.state, controls.finding,
      h('label', { class: 'inline' }, 'First seen since ', controls.since), h('label', { class: 'inline' }, controls.fresh, ' new in this bundle'), clear)));
  return { el, told };
}

function main() {
  document.title = `${page.name}: sluice review`;
  const pane = detail();
  const ruleRows = ruleTable(), edgeRows = edgeTable();
  const views = {
    rules: { title: 'Rules', key: '1', el: ruleRows.el, show: () => ruleRows.show(state.on.rules), focus: ruleRows.focus, renew: ruleRows.renew },
    edges: { title: 'Edges', key: '2', el: edgeRows.el, show: () => edgeRows.show(state.on.edges), focus: edgeRows.focus, renew: edgeRows.renew },
    map: { title: 'Map', key: '3', ...boxes() },
    matrix: { title: 'Matrix', key: '4', ...matrix() },
    findings: { title: 'Findings', key: '5', ...findingsView() },
    curves: { title: 'Curves', key: '6', ...curves() },
    decisions: { title: 'Decisions', key: '7', ...decisionsView() },
  };
  const panel = h('div', { class: 'panel', role: 'tabpanel', id: 'panel' });
  const tabs = Object.entries(views).map(([name, v]) => h('button', { role: 'tab', id: `tab-${name}`, 'aria-controls': 'panel', 'aria-keyshortcuts': v.key, onclick: () => change({ view: name }) }, v.title));
  const list = h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Views', onkeydown: (ev) => {
    const names = Object.keys(views), i = names.indexOf(state.view);
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: names.length - 1 }[ev.key];
    if (to === undefined) return;
    change({ view: names[(to + names.length) % names.length] });
    document.getElementById(`tab-${state.view}`).focus();
    ev.preventDefault();
  } }, tabs);

  const draw = (what) => {
    const view = views[state.view];
    document.body.classList.toggle('alone', !state.selected && state.view !== 'rules' && state.view !== 'edges');
    if (what.has('view')) {
      for (const t of tabs) { const on = t.id === `tab-${state.view}`; t.setAttribute('aria-selected', String(on)); t.tabIndex = on ? 0 : -1; if (on) t.scrollIntoView({ block: 'nearest', inline: 'nearest' }); }
      panel.setAttribute('aria-labelledby', `tab-${state.view}`);
      panel.replaceChildren(view.el);
      view.show();
    } else if (what.has('filter') && state.view !== 'curves' && state.view !== 'decisions') view.show();
    else if (what.has('drafts') || what.has('saved') || what.has('removed')) { if (view.renew) view.renew(); else if (state.view !== 'curves') view.show(); }
    else if (what.has('selected') && state.view === 'map') view.show();
    if (what.has('selected') || what.has('drafts') || what.has('saved') || what.has('removed')) pane.show(state.selected);
  };
  listen(draw);

  const theme = h('button', { class: 'theme', 'aria-label': 'Light or dark', title: 'Light or dark', onclick: () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    document.documentElement.dataset.theme = dark ? 'light' : 'dark';
    restyle();
  } }, '◐');
  const restyle = () => { for (const v of Object.values(views)) v.restyle?.(); };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', restyle);

  const filter = filters();
  fill(document.body,
    h('a', { class: 'skip', href: '#panel', onclick: (ev) => { ev.preventDefault(); views[state.view].focus?.(); } }, 'Skip to the list'),
    h('header', {}, h('div', { class: 'title' }, h('h1', {}, short(page.name, 60)), h('span', { class: 'quiet' }, [page.dialect, page.cluster && `cluster ${short(page.cluster, 40)}`, plural(page.namespaces.length, 'namespace', 'namespaces'), page.asOf && `as of ${page.asOf}`, page.readOnly && 'read only'].filter(Boolean).join(' · ')), theme), answer()),
    h('nav', {}, h('div', { class: 'first' }, list, filter.told), filter.el),
    h('main', {}, panel, pane.el), bar());

  document.addEventListener('keydown', (ev) => {
    if (ev.ctrlKey || ev.metaKey || ev.altKey || ev.target.closest('input, textarea, select, dialog')) return;
    const name = Object.keys(views).find((k) => views[k].key === ev.key);
    if (name) { change({ view: name }); views[name].focus?.(); }
    else if (ev.key === '/') document.getElementById('q').focus();
    else if (ev.key === 'u' && !page.readOnly) undo();
    else if (ev.key === 's' && !page.readOnly) write();
    else if (ev.key === 'Escape') select(null);
    else if (letters[ev.key] && !page.readOnly && edgesOf(state.selected).length) ask(letters[ev.key], edgesOf(state.selected), state.selected.type === 'rule' ? `rule ${state.selected.rule.id}` : 'this edge');
    else return;
    ev.preventDefault();
  });
  window.addEventListener('beforeunload', (ev) => { if (dirty()) ev.preventDefault(); });
  change({ view: 'rules', selected: null });
  // For whoever measures: when the first picture stood, and how long a filter takes.
  requestAnimationFrame(() => setTimeout(() => performance.mark('drawn'), 0));
  window.sluice = { state, change, drawn: () => views.map.drawn(), peers: peers.length, worked };
}
main();

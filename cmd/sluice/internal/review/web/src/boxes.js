// The map: namespaces as boxes in the places that came with the page, closed first where open ones would be too much.
import cytoscape from 'cytoscape';
import { h, fill, short, count, plural } from './dom.js';
import { peers, groups, edges } from './data.js';
import { state, select } from './state.js';

// What is drawn at most, arrows where nothing is selected, and what may be open at the beginning.
const most = 500, heaviest = 160, calm = 160;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function style() {
  const ink = css('--ink'), quiet = css('--quiet'), panel = css('--panel'), line = css('--line'), accent = css('--accent');
  return [
    { selector: 'node', style: { label: 'data(label)', color: ink, 'font-family': 'system-ui, sans-serif', 'text-wrap': 'ellipsis', 'text-valign': 'center', 'overlay-opacity': 0 } },
    { selector: '*', style: { 'z-index-compare': 'manual' } },
    { selector: '.group', style: { shape: 'round-rectangle', width: 'data(w)', height: 'data(h)', 'background-color': css('--box'), 'border-width': 2, 'border-color': line, 'font-size': 'data(size)', 'font-weight': 600, 'text-max-width': 'data(w)', 'z-index': 2 } },
    { selector: '.group.subject', style: { 'border-color': quiet } },
    { selector: '.group.open', style: { 'text-valign': 'top', 'text-margin-y': 32, 'font-size': 23, 'background-opacity': 0.55, 'border-style': 'dashed', 'z-index': 0 } },
    { selector: '.peer', style: { shape: 'round-rectangle', width: 150, height: 40, 'background-color': panel, 'border-width': 1.5, 'border-color': quiet, 'font-size': 17, 'text-max-width': 144, 'z-index': 3 } },
    { selector: '.peer.other', style: { shape: 'cut-rectangle', 'background-color': css('--soft') } },
    { selector: 'edge', style: { width: 'data(width)', 'line-color': css('--flow'), 'target-arrow-color': css('--flow'), 'target-arrow-shape': 'triangle', 'arrow-scale': 'data(arrow)', 'curve-style': 'bezier', opacity: 0.75, 'font-size': 15, color: ink, 'text-background-color': css('--page'), 'text-background-opacity': 0.85, 'text-background-padding': 2, 'text-rotation': 'autorotate', label: 'data(label)', 'z-index': 1 } },
    { selector: 'edge.many', style: { opacity: 0.4 } },
    { selector: 'edge.fresh', style: { 'line-color': css('--good'), 'target-arrow-color': css('--good'), 'line-style': 'solid', width: 4 } },
    { selector: 'edge.denied', style: { 'line-color': css('--bad'), 'target-arrow-color': css('--bad'), 'line-style': 'dashed', 'target-arrow-shape': 'tee' } },
    { selector: 'edge.cut', style: { 'line-color': css('--bad'), 'target-arrow-color': css('--bad'), 'line-style': 'dotted', 'target-arrow-shape': 'tee', width: 4 } },
    { selector: ':selected, .near', style: { 'border-color': accent, 'line-color': accent, 'target-arrow-color': accent, 'border-width': 4, opacity: 1 } },
  ];
}

// What stands in a closed box and how large: the number of its peers gives way where the letters would be smaller by it.
const largest = 90;
function title(g, open) {
  if (open) return { label: short(g.name, 40), size: 20 };
  const size = (text) => Math.max(20, Math.min(g.w / (0.66 * text.length), g.h / 1.2, largest));
  const name = short(g.name, 30), whole = `${name} (${g.peers.length})`;
  return size(name) > size(whole) ? { label: name, size: size(name) } : { label: whole, size: size(whole) };
}

/** boxes makes the view. */
export function boxes() {
  const place = h('div', { class: 'canvas', role: 'img', 'aria-label': 'Map of namespaces and workloads. The table has the same in words.' });
  const told = h('p', { class: 'quiet told', role: 'status' });
  const opened = new Set();
  let cy, moved = false, fitted = false, started = false;

  const tools = h('div', { class: 'tools' },
    h('label', { class: 'inline' }, 'Namespace ', h('select', { 'aria-label': 'Open or close a namespace', onchange: (ev) => { const g = Number(ev.target.value); ev.target.value = ''; toggle(g); } },
      h('option', { value: '' }, 'open or close…'), groups.map((g, i) => h('option', { value: i }, `${short(g.name, 50)} (${g.peers.length})`)))),
    h('button', { onclick: () => { opened.clear(); draw(); } }, 'Close all'),
    h('button', { onclick: () => zoom(1.3), 'aria-label': 'Zoom in' }, '+'), h('button', { onclick: () => zoom(1 / 1.3), 'aria-label': 'Zoom out' }, '−'),
    h('button', { onclick: () => { moved = false; fit(); } }, 'Fit'), told);
  const legend = h('p', { class: 'quiet legend' }, 'An arrow goes from client to server; its width tells how many ports. Thick and green: new. Dashed, ending in a bar: denied. Dotted, ending in a bar: you reject it. Click a namespace to read about it, double-click to open or close it.');
  const el = h('div', { class: 'map' }, tools, place, legend);

  // Everything is in sight until somebody moves it; on a narrow screen as much as can be read.
  function fit() {
    if (!cy || !cy.width() || moved) return;
    cy.fit(cy.nodes(), 20);
    fitted = true;
    if (cy.width() < 600 && cy.zoom() < 0.5 && opened.size) { cy.zoom(0.55); cy.center(cy.nodes('.group.subject').first()); }
  }
  const zoom = (by) => (moved = true) && cy.zoom({ level: cy.zoom() * by, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
  function toggle(g) {
    if (opened.has(g)) opened.delete(g); else opened.add(g);
    draw();
  }

  // Everything that would be drawn with these namespaces open: the boxes, the peers in open ones, and what goes between.
  function elements() {
    const at = (peer) => (opened.has(peers[peer].group) ? `p${peer}` : `g${peers[peer].group}`);
    const pairs = new Map();
    for (const e of state.on.edges) {
      if (e.port.startsWith('53/') && !state.filter.q) continue;
      const from = at(e.source), to = at(e.destination);
      if (from === to) continue;
      const key = `${from}>${to}`;
      let p = pairs.get(key);
      if (!p) pairs.set(key, p = { key, from, to, ports: new Set(), n: 0, fresh: false, denied: true, cut: true });
      p.n++;
      if (p.ports.size < 4) p.ports.add(e.port.replace('/tcp', ''));
      p.fresh ||= e.rules.some((r) => r.new);
      p.denied &&= e.state === 'denied' || e.state === 'pending';
      p.cut &&= state.drafts.some((d) => d.verdict === 'reject' && d.source === peers[e.source].id && d.destination === peers[e.destination].id && d.port === e.port);
    }
    const nodes = [];
    groups.forEach((g, i) => {
      const open = opened.has(i);
      nodes.push({ data: { id: `g${i}`, ...title(g, open), w: g.w, h: g.h, g: i }, position: { x: g.x, y: g.y }, classes: `group${open ? ' open' : ''}${g.subject ? ' subject' : ''}` });
      if (open) for (const k of g.peers) nodes.push({ data: { id: `p${k}`, label: short(peers[k].id.slice(peers[k].pod ? g.name.length + 1 : 0), 40), p: k }, position: { x: peers[k].x, y: peers[k].y }, classes: `peer${peers[k].pod ? '' : ' other'}` });
    });
    return { nodes, pairs: [...pairs.values()] };
  }

  function draw() {
    if (!cy) return;
    const { nodes, pairs } = elements();
    const focus = state.selected?.type === 'peer' ? [`p${state.selected.peer}`, `g${peers[state.selected.peer].group}`] : state.selected?.type === 'group' ? [`g${state.selected.group}`] : [];
    const near = focus.some((id) => pairs.some((p) => p.from === id || p.to === id)) ? pairs.filter((p) => focus.includes(p.from) || focus.includes(p.to)) : pairs;
    const budget = near === pairs ? Math.min(heaviest, most - nodes.length) : Math.max(80, most - nodes.length);
    const weight = (p) => (p.cut ? 1e5 : 0) + p.n;
    near.sort((a, b) => weight(b) - weight(a) || (a.key < b.key ? -1 : 1));
    const drawn = near.slice(0, budget);
    const big = nodes.length < 40 ? 1 : 2.5, many = drawn.length > 60 ? 'many ' : '';
    const labels = drawn.length <= 60;
    cy.batch(() => {
      cy.elements().remove();
      cy.add(nodes);
      cy.add(drawn.map((p) => ({ data: { id: p.key, source: p.from, target: p.to, width: big * Math.min(7, 1.2 + Math.log2(p.n)), arrow: Math.min(big, 1.7), label: labels ? [...p.ports].slice(0, 3).join(', ') + (p.ports.size > 3 ? ', …' : '') : '' }, classes: `${many}${p.fresh ? 'fresh ' : ''}${p.cut ? 'cut' : p.denied ? 'denied' : ''}` })));
      for (const id of focus) cy.getElementById(id).addClass('near');
    });
    fill(told, near !== pairs ? `${plural(drawn.length, 'arrow', 'arrows')} of what is selected, of ${count(pairs.length)}.` : pairs.length > drawn.length ? `The ${count(drawn.length)} heaviest of ${count(pairs.length)} arrows are drawn: select a namespace or a workload to see all of its own.` : `${plural(drawn.length, 'arrow', 'arrows')}; questions for names are left out.`);
  }

  function start() {
    started = true;
    cytoscape.warnings(false); // it warns of arrows between boxes too close for the head of one
    
    cy = cytoscape({ container: place, elements: [], style: style(), layout: { name: 'preset' }, autoungrabify: true, minZoom: 0.03, maxZoom: 3, boxSelectionEnabled: false, pixelRatio: 'auto', textureOnViewport: edges.length > 2000, hideEdgesOnViewport: false });
    cy.on('dragpan scrollzoom pinchzoom', () => { moved = true; });
    new ResizeObserver(() => { cy.resize(); fit(); }).observe(place);
    let last = 0, lastNode = null;
    cy.on('tap', 'node', (ev) => {
      const d = ev.target.data(), now = Date.now();
      if (d.g !== undefined && lastNode === d.id && now - last < 400) toggle(d.g);
      else select(d.g !== undefined ? { type: 'group', group: d.g } : { type: 'peer', peer: d.p });
      last = now; lastNode = d.id;
    });
    cy.on('tap', 'edge', (ev) => {
      const end = (id) => ({ group: id[0] === 'g', i: Number(id.slice(1)) });
      select({ type: 'pair', source: end(ev.target.data('source')), destination: end(ev.target.data('target')) });
    });
    groups.forEach((g, i) => opened.add(i));
    const all = elements();
    if (all.nodes.length + all.pairs.length > calm) opened.clear();
  }

  return {
    el,
    show() {
      if (!started) start();
      cy.resize();
      draw();
      if (!fitted) fit();
    },
    restyle() { if (cy) cy.style(style()); },
    drawn: () => (cy ? cy.elements().length : 0),
  };
}

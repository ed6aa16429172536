// The matrix: a row a client, a column a server, sorted as the map is; a dot where there are edges. All edges fit.
import { h, fill, short, plural } from './dom.js';
import { peers, groups, edges, worked } from './data.js';
import { state, select } from './state.js';

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** matrix makes the view. */
export function matrix() {
  const line = (has) => { // those with edges, and the groups of neighbours among them
    const order = [], parts = [];
    groups.forEach((g) => {
      const here = g.peers.filter((p) => has.has(p));
      if (here.length) parts.push({ name: g.name, from: order.length, n: here.length });
      order.push(...here);
    });
    return { order, parts, n: order.length, at: new Map(order.map((p, i) => [p, i])) };
  };
  const rows = line(new Set(edges.map((e) => e.source))), columns = line(new Set(edges.map((e) => e.destination)));
  const n = columns.n;
  const cells = new Map(); // row * n + column -> edges
  for (const e of edges) {
    const k = rows.at.get(e.source) * n + columns.at.get(e.destination);
    if (!cells.has(k)) cells.set(k, []);
    cells.get(k).push(e);
  }
  let cell = 0, wide = 1, x0 = 0, y0 = 0, cursor = { row: 0, column: 0 }, margin = 120;
  const canvas = h('canvas', { tabindex: 0, role: 'application', 'aria-label': 'Matrix of clients and servers. Arrow keys move from cell to cell, N goes to the next cell with edges, Enter selects it.', onkeydown: keys });
  const told = h('p', { class: 'quiet told', role: 'status', 'aria-live': 'polite' });
  const el = h('div', { class: 'map' },
    h('div', { class: 'tools' }, h('button', { onclick: () => zoom(1.5), 'aria-label': 'Zoom in' }, '+'), h('button', { onclick: () => zoom(1 / 1.5), 'aria-label': 'Zoom out' }, '−'), h('button', { onclick: () => { cell = 0; draw(); } }, 'Fit'), told),
    h('div', { class: 'canvas' }, canvas),
    h('p', { class: 'quiet legend' }, 'Rows are clients, columns are servers, in the order of the namespaces. A full square: it worked. A hollow one: denied, or nothing shows that it worked. A cross: you reject it. Pale: the filter leaves it out.'));
  const ctx = canvas.getContext('2d');

  // cell is the height of one, wide how many times as wide it is.
  function fit() {
    const high = Math.min(26, (canvas.clientHeight - margin - 8) / rows.n), broad = Math.min(26, (canvas.clientWidth - margin - 8) / n);
    wide = Math.max(0.6, Math.min(1.8, broad / high));
    return Math.max(0.3, Math.min(high, broad / wide));
  }
  function zoom(by, px = canvas.clientWidth / 2, py = canvas.clientHeight / 2) {
    const old = cell || fit();
    const next = Math.max(fit(), Math.min(30, old * by));
    x0 = (x0 + px - margin) * (next / old) - (px - margin);
    y0 = (y0 + py - margin) * (next / old) - (py - margin);
    cell = next;
    draw();
  }

  function draw() {
    const w = canvas.clientWidth, height = canvas.clientHeight, ratio = devicePixelRatio || 1;
    if (!w || !n) return;
    margin = w < 500 ? 104 : 150;
    if (!cell) { cell = fit(); x0 = y0 = 0; }
    const cw = cell * wide, room = (all, size) => Math.max(0, all - (size - margin));
    x0 = Math.max(0, Math.min(x0, room(n * cw, w)));
    y0 = Math.max(0, Math.min(y0, room(rows.n * cell, height)));
    canvas.width = w * ratio;
    canvas.height = height * ratio;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, w, height);
    const ink = css('--ink'), line = css('--line'), flow = css('--flow'), bad = css('--bad'), box = css('--box'), accent = css('--accent');
    const X = (c) => margin + c * cw - x0, Y = (r) => margin + r * cell - y0;
    ctx.save();
    ctx.beginPath();
    ctx.rect(margin, margin, w - margin, height - margin);
    ctx.clip();
    ctx.fillStyle = box; // the fields of the namespaces with themselves, and the lines between them
    for (const r of rows.parts) for (const c of columns.parts) if (r.name === c.name) ctx.fillRect(X(c.from), Y(r.from), c.n * cw, r.n * cell);
    ctx.strokeStyle = line;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.globalAlpha = cell < 2 ? 0.5 : 1;
    for (const i of [...columns.parts.map((p) => p.from), n]) { ctx.moveTo(Math.round(X(i)) + 0.5, Y(0)); ctx.lineTo(Math.round(X(i)) + 0.5, Y(rows.n)); }
    for (const i of [...rows.parts.map((p) => p.from), rows.n]) { ctx.moveTo(X(0), Math.round(Y(i)) + 0.5); ctx.lineTo(X(n), Math.round(Y(i)) + 0.5); }
    ctx.stroke();
    const pad = Math.min(cell, cw) * 0.11, sw = Math.max(1, cw - 2 * pad), sh = Math.max(1, cell - 2 * pad), size = Math.min(sw, sh);
    const rejected = new Set(state.drafts.filter((d) => d.verdict === 'reject').map((d) => `${d.source}\n${d.destination}\n${d.port}`));
    for (const [k, list] of cells) {
      const r = Math.floor(k / n), c = k % n, px = X(c) + pad, py = Y(r) + pad;
      if (px + sw < margin || py + sh < margin || px > w || py > height) continue;
      const on = list.some((e) => state.on.edgeOn[e.i]);
      const good = list.some(worked);
      ctx.globalAlpha = on ? 1 : 0.13;
      ctx.fillStyle = ctx.strokeStyle = good ? flow : bad;
      if (good || size < 4) ctx.fillRect(px, py, sw, sh);
      else { ctx.lineWidth = 1.5; ctx.strokeRect(px + 0.75, py + 0.75, sw - 1.5, sh - 1.5); }
      if (rejected.size && list.some((e) => rejected.has(`${peers[e.source].id}\n${peers[e.destination].id}\n${e.port}`))) {
        ctx.strokeStyle = bad; ctx.lineWidth = 2.5; ctx.beginPath();
        const s = Math.max(size, 7); ctx.moveTo(px, py); ctx.lineTo(px + s, py + s); ctx.moveTo(px + s, py); ctx.lineTo(px, py + s); ctx.stroke();
      }
    }
    ctx.globalAlpha = 1;
    if (document.activeElement === canvas) {
      ctx.strokeStyle = accent; ctx.lineWidth = 2;
      ctx.strokeRect(X(cursor.column) - 1, Y(cursor.row) - 1, cw + 2, cell + 2);
      ctx.globalAlpha = 0.25; ctx.strokeRect(margin, Y(cursor.row), w, cell); ctx.strokeRect(X(cursor.column), margin, cw, height); ctx.globalAlpha = 1;
    }
    ctx.restore();
    labels(w, height, ink, X, Y, cw);
  }

  // Names of peers where they fit, else of namespaces.
  function labels(w, height, ink, X, Y, cw) {
    ctx.fillStyle = ink;
    ctx.textBaseline = 'middle';
    const name = (p) => short(peers[p].pod ? peers[p].id.split('/').pop() : peers[p].id, margin < 150 ? 13 : 21);
    const list = (of, size) => (size >= 11 ? of.order.map((p, i) => [name(p), i + 0.5]) : of.parts.map((p) => [short(p.name, margin < 150 ? 13 : 21), p.from + p.n / 2]));
    const font = (size) => { ctx.font = `${size >= 11 ? Math.min(12, size) : 11}px system-ui, sans-serif`; };
    const far = 11;
    font(cell);
    ctx.textAlign = 'right';
    ctx.save(); ctx.beginPath(); ctx.rect(0, margin - 7, margin, height); ctx.clip();
    let last = -99;
    for (const [text, i] of list(rows, cell)) { const y = Y(i); if (y - last >= far && y > margin - 6 && y < height) { ctx.fillText(text, margin - 6, y); last = y; } }
    ctx.restore();
    ctx.save(); ctx.beginPath(); ctx.rect(margin - 7, 0, w, margin); ctx.clip();
    last = -99;
    font(cw);
    ctx.textAlign = 'left';
    for (const [text, i] of list(columns, cw)) { const x = X(i); if (x - last >= far && x > margin - 6 && x < w) { ctx.save(); ctx.translate(x, margin - 6); ctx.rotate(-Math.PI / 2); ctx.fillText(text, 0, 0); ctx.restore(); last = x; } }
    ctx.restore();
    ctx.textAlign = 'left';
    ctx.font = '11px system-ui, sans-serif';
    ctx.fillText('client ↓  server →', 6, 12);
  }

  function tell() {
    const { row, column } = cursor, list = cells.get(row * n + column) ?? [];
    fill(told, `${short(peers[rows.order[row]].id, 60)} → ${short(peers[columns.order[column]].id, 60)}: ${list.length ? list.slice(0, 6).map((e) => `${e.port} ${e.state}`).join(', ') + (list.length > 6 ? ', …' : '') : 'nothing was seen'}`);
  }
  function go(row, column) {
    cursor = { row: Math.max(0, Math.min(rows.n - 1, row)), column: Math.max(0, Math.min(n - 1, column)) };
    const into = (at, each, from, size) => (at * each < from ? at * each : (at + 1) * each > from + size - margin ? (at + 1) * each - size + margin : from);
    x0 = into(cursor.column, cell * wide, x0, canvas.clientWidth);
    y0 = into(cursor.row, cell, y0, canvas.clientHeight);
    draw();
    tell();
  }
  function choose() {
    if (cells.has(cursor.row * n + cursor.column)) select({ type: 'pair', source: { group: false, i: rows.order[cursor.row] }, destination: { group: false, i: columns.order[cursor.column] } });
  }
  const filled = [...cells.keys()].sort((a, b) => a - b);
  function keys(ev) {
    if (ev.ctrlKey || ev.metaKey || ev.altKey) return;
    const { row, column } = cursor, here = row * n + column;
    const to = { ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], Home: [row, 0], End: [row, n - 1] }[ev.key];
    const next = ev.key === 'n' ? filled.find((k) => k > here) ?? filled[0] : ev.key === 'p' ? filled.findLast((k) => k < here) ?? filled.at(-1) : undefined;
    if (to) go(...to);
    else if (next !== undefined) go(Math.floor(next / n), next % n);
    else if (ev.key === 'Enter') choose();
    else if (ev.key === '+') zoom(1.5);
    else if (ev.key === '-') zoom(1 / 1.5);
    else return;
    ev.preventDefault();
    ev.stopPropagation();
  }
  const spot = (ev) => {
    const b = canvas.getBoundingClientRect();
    return [Math.floor((ev.clientY - b.top - margin + y0) / cell), Math.floor((ev.clientX - b.left - margin + x0) / (cell * wide))];
  };
  // At small sizes a click means the nearest cell with edges.
  function near([row, column]) {
    const reach = Math.max(0, Math.ceil(5 / cell));
    let best = null, far = 99;
    for (let r = row - reach; r <= row + reach; r++) for (let c = column - reach; c <= column + reach; c++) {
      const d = Math.hypot(r - row, c - column);
      if (r >= 0 && c >= 0 && r < rows.n && c < n && d < far && cells.has(r * n + c)) { best = [r, c]; far = d; }
    }
    return best ?? [row, column];
  }
  let drag = null;
  canvas.addEventListener('pointerdown', (ev) => { drag = { x: ev.clientX, y: ev.clientY, moved: false }; canvas.setPointerCapture(ev.pointerId); });
  canvas.addEventListener('pointermove', (ev) => {
    if (drag) {
      const dx = ev.clientX - drag.x, dy = ev.clientY - drag.y;
      if (drag.moved || Math.hypot(dx, dy) > 4) { drag = { x: ev.clientX, y: ev.clientY, moved: true }; x0 -= dx; y0 -= dy; draw(); }
      return;
    }
    const [r, c] = near(spot(ev));
    if (r >= 0 && c >= 0 && r < rows.n && c < n && document.activeElement !== canvas) { cursor = { row: r, column: c }; tell(); }
  });
  canvas.addEventListener('pointerup', (ev) => {
    if (drag && !drag.moved) { const [r, c] = near(spot(ev)); if (r >= 0 && c >= 0 && r < rows.n && c < n) { go(r, c); choose(); } }
    drag = null;
  });
  canvas.addEventListener('wheel', (ev) => { ev.preventDefault(); const b = canvas.getBoundingClientRect(); zoom(ev.deltaY < 0 ? 1.2 : 1 / 1.2, ev.clientX - b.left, ev.clientY - b.top); }, { passive: false });
  canvas.addEventListener('focus', () => { draw(); tell(); });
  canvas.addEventListener('blur', draw);
  new ResizeObserver(draw).observe(canvas);
  return { el, show() { if (!told.textContent) fill(told, `${plural(rows.n, 'client', 'clients')}, ${plural(n, 'server', 'servers')}, ${plural(cells.size, 'cell with edges', 'cells with edges')}`); draw(); }, restyle: draw };
}

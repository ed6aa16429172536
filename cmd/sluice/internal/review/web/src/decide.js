// Deciding: a reason, what it would change, and the list of decisions that are written.
import { h, fill, icon, plural, short, count } from './dom.js';
import { page, sourceOf, destinationOf } from './data.js';
import { state, change, decide, drop, takeOut, undo, dirty, listen } from './state.js';
import { effect, save } from './server.js';
import { decisionTag } from './words.js';

const touched = (x) => h('li', {}, h('code', {}, short(`${x.source} → ${x.destination} ${x.port}`, 140)), ` ${plural(x.connections, 'connection', 'connections')}, ${plural(x.records, 'record', 'records')}`, x.why && h('span', { class: 'quiet' }, ` ${short(x.why, 200)}`));

function part(title, list, good, open) {
  if (!list.length) return null;
  return h('details', { class: good, open: open && list.length < 40 }, h('summary', {}, icon(good), ` ${title}`),
    h('ul', {}, list.slice(0, 200).map(touched), list.length > 200 && h('li', {}, `and ${count(list.length - 200)} more`)));
}

/** effectView says what decisions would change. */
export function effectView(e) {
  const sum = (list) => list.reduce((n, x) => n + x.connections, 0);
  const lost = e.lost.filter((x) => !e.beside.some((b) => b.source === x.source && b.destination === x.destination && b.port === x.port));
  const nothing = !e.lost.length && !e.opened.length && !e.stays.length;
  return h('div', { class: 'effect' },
    part(`${plural(sum(lost), 'connection that worked would be denied', 'connections that worked would be denied')}, on ${plural(lost.length, 'edge', 'edges')}`, lost, 'bad', true),
    part(`Beside what you decide, ${plural(sum(e.beside), 'connection', 'connections')} would be lost, on ${plural(e.beside.length, 'edge', 'edges')}`, e.beside, 'bad', true),
    part(`${plural(sum(e.opened), 'connection would be allowed', 'connections would be allowed')} that ${sum(e.opened) === 1 ? 'is' : 'are'} not today`, e.opened, 'warn', true),
    part(`${plural(e.stays.length, 'edge', 'edges')} would still be allowed by something else`, e.stays, 'warn', true),
    nothing && h('p', {}, icon('good'), ' Nothing that was seen would be allowed or denied differently.'),
    (e.gone.length > 0 || e.narrowed.length > 0) && h('p', { class: 'quiet' }, `${plural(e.gone.length, 'rule goes', 'rules go')}${e.narrowed.length ? `, ${plural(e.narrowed.length, 'rule is', 'rules are')} narrowed` : ''}: ${short([...e.gone, ...e.narrowed].join(', '), 200)}`),
    e.notes.map((n) => h('p', { class: 'quiet' }, icon('info'), ' ', short(n, 300))));
}

const words = {
  accept: ['Accept', 'It is learned, whatever the log says of it.'],
  reject: ['Reject', 'It is denied on purpose. What worked over it stops working.'],
  ignore: ['Ignore', 'It is no dependency: nothing is learned of it, and it holds nothing open.'],
  widen: ['Widen', 'It is allowed although it was never seen. It has a price.'],
};

let asking = 0;

/** ask opens the dialog for edges. */
export function ask(verdict, edges, title) {
  const dialog = h('dialog', { class: 'decide', 'aria-labelledby': 'ask-title' });
  const first = edges[0];
  const ends = { source: sourceOf(first), destination: destinationOf(first), port: first.port };
  const reason = h('textarea', { id: 'ask-reason', rows: 3, required: true, 'aria-describedby': 'ask-error', placeholder: 'Why? The next person will ask.' });
  const by = h('input', { id: 'ask-by', value: page.by ?? '', autocomplete: 'off' });
  const until = h('input', { id: 'ask-until', type: 'date' });
  const error = h('p', { id: 'ask-error', class: 'error', role: 'alert' });
  const result = h('div', { class: 'result', 'aria-live': 'polite' });
  const fields = Object.fromEntries(Object.entries(ends).map(([k, v]) => [k, h('input', { id: `ask-${k}`, value: v, oninput: later })]));
  const radios = Object.entries(words).map(([v, [word]]) =>
    h('label', { class: 'radio' }, h('input', { type: 'radio', name: 'verdict', value: v, checked: v === verdict, onchange: () => { verdict = v; draw(); } }), icon(v), ` ${word}`));
  const explain = h('p', { class: 'quiet' });
  const widening = h('div', { class: 'fields' }, Object.keys(fields).map((k) => [h('label', { for: `ask-${k}` }, k[0].toUpperCase() + k.slice(1)), fields[k]]));
  const named = h('ul', { class: 'named' }, edges.slice(0, 8).map((e) => h('li', {}, h('code', {}, short(`${sourceOf(e)} → ${destinationOf(e)} ${e.port}`, 120)))), edges.length > 8 && h('li', {}, `and ${count(edges.length - 8)} more`));

  const list = () => {
    const d = (x) => ({ ...x, verdict, reason: reason.value.trim(), ...(by.value.trim() ? { by: by.value.trim() } : {}), ...(until.value ? { until: until.value } : {}) });
    if (verdict === 'widen') return [d({ source: fields.source.value.trim(), destination: fields.destination.value.trim(), port: fields.port.value.trim() })];
    return edges.map((e) => d({ source: sourceOf(e), destination: destinationOf(e), port: e.port }));
  };

  let timer;
  function later() { clearTimeout(timer); timer = setTimeout(look, 250); }
  async function look() {
    if (!page.evidence) { fill(result, h('p', {}, icon('info'), ' The bundle has no evidence: what this would change is not known.')); return; }
    const mine = ++asking;
    result.setAttribute('aria-busy', 'true');
    try {
      const e = await effect(list().map((d) => ({ ...d, reason: d.reason || '?' })), []);
      if (mine === asking) fill(result, effectView(e));
    } catch (err) {
      if (mine === asking) fill(result, h('p', { class: 'error' }, err.message));
    }
    result.removeAttribute('aria-busy');
  }

  function draw() {
    explain.textContent = words[verdict][1];
    widening.hidden = verdict !== 'widen';
    named.hidden = verdict === 'widen';
    submit.replaceChildren(icon(verdict), ` ${words[verdict][0]}`);
    submit.className = `primary verdict ${verdict}`;
    look();
  }

  async function done(ev) {
    ev.preventDefault();
    if (!reason.value.trim()) { error.textContent = 'Give a reason: the next person will ask.'; reason.focus(); return; }
    decide(list());
    dialog.close();
  }
  const submit = h('button', { class: 'primary', type: 'submit' }, 'Decide');
  const form = h('form', { method: 'dialog', novalidate: true, onsubmit: done, onkeydown: (ev) => { if (ev.key === 'Enter' && (ev.ctrlKey || ev.metaKey)) form.requestSubmit(); } },
    h('h2', { id: 'ask-title' }, `Decide on ${title}`),
    h('div', { class: 'radios', role: 'radiogroup', 'aria-label': 'Verdict' }, radios), explain, named, widening,
    h('label', { for: 'ask-reason' }, 'Reason'), reason, error,
    h('div', { class: 'fields two' }, h('div', {}, h('label', { for: 'ask-by' }, 'By'), by), h('div', {}, h('label', { for: 'ask-until' }, 'Until, if not for good'), until)),
    h('h3', {}, 'What it would change'), result,
    h('div', { class: 'actions' }, h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'), submit));
  dialog.append(form);
  dialog.addEventListener('close', () => { asking++; dialog.remove(); });
  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
  draw();
}

/** write saves the decisions. */
export async function write() {
  if (!dirty()) return;
  const list = state.drafts, removed = state.removed;
  try {
    const r = await save(list, removed);
    change({ saved: list, savedRemoved: removed, told: `Written to ${r.file}. Learn again to bring the decisions into the policies.`, failed: '' });
  } catch (err) {
    change({ failed: err.message, told: '' });
  }
}

/** bar is what stands below: what is not written, undo and write. */
export function bar() {
  const text = h('span', { role: 'status', 'aria-live': 'polite' });
  const back = h('button', { 'aria-keyshortcuts': 'u', onclick: undo }, 'Undo ', h('kbd', {}, 'u'));
  const put = h('button', { class: 'primary', 'aria-keyshortcuts': 's', onclick: write }, 'Write decisions ', h('kbd', {}, 's'));
  const el = h('footer', { class: 'bar' }, text, h('span', { class: 'grow' }), back, put);
  const draw = () => {
    const n = state.drafts.length, out = state.removed.length;
    const what = [n && plural(n, 'decision', 'decisions'), out && `${count(out)} taken out of the file`].filter(Boolean).join(', ') || 'Nothing decided';
    el.hidden = page.readOnly;
    el.classList.toggle('dirty', dirty());
    back.disabled = !state.past.length;
    put.disabled = !dirty();
    fill(text, state.failed ? [icon('bad'), ` ${state.failed}`] : dirty() ? [icon('warn'), ` ${what}, not written yet`]
      : state.told && state.saved === state.drafts && state.savedRemoved === state.removed ? [icon('good'), ` ${state.told}`] : n || out ? [icon('good'), ` ${what}${out ? ':' : ''} written to ${page.config}`] : `Decisions go to ${page.config}`);
  };
  listen(draw);
  draw();
  return el;
}

/** decisionsView lists the decisions and what all that are new would change together. */
export function decisionsView() {
  const mine = h('div'), standing = h('div'), whole = h('div', { 'aria-live': 'polite' });
  const el = h('div', { class: 'sheet' }, !page.readOnly && [h('h2', {}, 'Decisions on this page'), mine, h('h2', {}, 'What they would change together'), whole],
    h('h2', {}, 'Decisions in the file'), standing);
  const heads = ['Verdict', 'Source', 'Destination', 'Port', 'Reason', 'By', 'Until'];
  const row = (d, i) => {
    const out = state.removed.includes(i);
    const cells = [d.source, d.destination, d.port, d.reason, d.by ?? '', d.until ?? ''].map((t, k) => h('td', { 'data-head': heads[k + 1], class: t ? '' : 'empty' }, short(t, 120)));
    return h('tr', { class: out ? 'out' : '' }, h('td', {}, decisionTag({ ...d, from: 'file' }), out && h('span', { class: 'quiet' }, state.savedRemoved.includes(i) ? ' taken out' : ' to be taken out')), cells,
      !page.readOnly && h('td', {}, h('button', { 'aria-label': `${out ? 'Put back' : 'Take out'}: ${d.verdict} ${d.source} to ${d.destination} ${d.port}`, onclick: () => takeOut(i) }, out ? 'Put back' : 'Take out')));
  };
  const file = () => (page.decisions.length ? h('table', { class: 'plain stacked' }, h('thead', {}, h('tr', {}, heads.map((t) => h('th', { scope: 'col' }, t)), !page.readOnly && h('th', { scope: 'col' }, h('span', { class: 'sr' }, 'Change')))), h('tbody', {}, page.decisions.map(row)))
    : h('p', { class: 'quiet' }, page.readOnly ? 'None.' : `${page.config} had none when this page was opened.`));
  async function draw() {
    fill(standing, file());
    if (page.readOnly) return;
    fill(mine, state.drafts.length ? h('ul', { class: 'drafts' }, state.drafts.map((d) => h('li', {},
      decisionTag({ ...d, from: state.saved.includes(d) ? 'written' : 'draft' }), h('code', {}, short(`${d.source} → ${d.destination} ${d.port}`, 120)), h('span', {}, d.reason), d.by && h('span', { class: 'quiet' }, d.by), d.until && h('span', { class: 'quiet' }, `until ${d.until}`),
      h('button', { 'aria-label': `Take back: ${d.verdict} ${d.source} to ${d.destination} ${d.port}`, onclick: () => drop(d) }, 'Take back')))) : h('p', { class: 'quiet' }, 'None yet. Choose a rule or an edge, then accept, reject, widen or ignore it.'));
    if (!(state.drafts.length || state.removed.length) || !page.evidence) { fill(whole, h('p', { class: 'quiet' }, page.evidence ? 'Nothing.' : 'The bundle has no evidence: that is not known.')); return; }
    const list = state.drafts, removed = state.removed;
    try {
      const e = await effect(list, removed);
      if (list === state.drafts && removed === state.removed) fill(whole, effectView(e));
    } catch (err) {
      fill(whole, h('p', { class: 'error' }, err.message));
    }
  }
  return { el, show: draw };
}

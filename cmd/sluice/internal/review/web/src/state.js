// What the reviewer looks at and has decided, and who wants to know when it changes.
import { page, noFilter, filtered } from './data.js';

const listeners = new Set();
/** state is what the page shows now. */
export const state = {
  view: 'rules',
  filter: noFilter(),
  on: filtered(noFilter()),
  selected: null, // {type: 'rule'|'edge'|'peer'|'group'|'pair', ...}
  drafts: [...page.saved], // decisions, the first counts
  saved: [...page.saved], // of them, as the file has them
  removed: [...page.removed], // indices of page.decisions that are taken out of the file
  savedRemoved: [...page.removed], // of them, those that the file is without already
  past: [], // drafts and what is taken out, for undo
  effect: null, // of all drafts
};

/** listen calls f with the names of what changed. */
export const listen = (f) => listeners.add(f);

/** change sets fields and tells everybody. */
export function change(fields) {
  Object.assign(state, fields);
  if (fields.filter) state.on = filtered(state.filter);
  const what = new Set(Object.keys(fields));
  for (const f of listeners) f(what);
}

export const select = (selected) => change({ selected });

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
/** dirty reports whether something is not written yet. */
export const dirty = () => !same(state.drafts, state.saved) || !same(state.removed, state.savedRemoved);

// A step that can be undone.
const step = (fields) => change({ past: [...state.past, { drafts: state.drafts, removed: state.removed }], ...fields });

/** decide puts decisions before the others; those on the same ends and port give way. */
export function decide(list) {
  const key = (d) => JSON.stringify([d.source, d.destination, d.port]);
  const now = new Set(list.map(key));
  step({ drafts: [...list, ...state.drafts.filter((d) => !now.has(key(d)))] });
}

/** drop takes one decision back. */
export function drop(d) {
  step({ drafts: state.drafts.filter((x) => x !== d) });
}

/** takeOut takes a decision out of the file, or puts it back; i is its index in page.decisions. */
export function takeOut(i) {
  step({ removed: state.removed.includes(i) ? state.removed.filter((x) => x !== i) : [...state.removed, i].sort((a, b) => a - b) });
}

/** undo goes one step back; it reports whether there was one. */
export function undo() {
  if (!state.past.length) return false;
  change({ ...state.past.at(-1), past: state.past.slice(0, -1) });
  return true;
}

/** decisionOn is what counts for an edge: a draft, else the file, else what the bundle was learned with. */
export function decisionOn(e, source, destination) {
  const d = state.drafts.find((x) => x.source === source && x.destination === destination && x.port === e.port);
  if (d) return { verdict: d.verdict, reason: d.reason, by: d.by, from: state.saved.includes(d) || state.saved.some((s) => same(s, d)) ? 'written' : 'draft' };
  if (e.fileDecision >= 0 && !state.removed.includes(e.fileDecision)) return { ...page.decisions[e.fileDecision], from: 'file' };
  if (e.decided) return { verdict: e.decided, reason: '', from: 'bundle' };
  return null;
}

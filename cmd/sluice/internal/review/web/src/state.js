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
  past: [], // lists of drafts, for undo
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
export const dirty = () => !same(state.drafts, state.saved);

/** decide puts decisions before the others; those on the same ends and port give way. */
export function decide(list) {
  const key = (d) => JSON.stringify([d.source, d.destination, d.port]);
  const now = new Set(list.map(key));
  change({ past: [...state.past, state.drafts], drafts: [...list, ...state.drafts.filter((d) => !now.has(key(d)))] });
}

/** drop takes one decision back. */
export function drop(d) {
  change({ past: [...state.past, state.drafts], drafts: state.drafts.filter((x) => x !== d) });
}

/** undo goes one step back; it reports whether there was one. */
export function undo() {
  if (!state.past.length) return false;
  change({ drafts: state.past.at(-1), past: state.past.slice(0, -1) });
  return true;
}

/** decisionOn is what counts for an edge: a draft, else the file, else what the bundle was learned with. */
export function decisionOn(e, source, destination) {
  const d = state.drafts.find((x) => x.source === source && x.destination === destination && x.port === e.port);
  if (d) return { verdict: d.verdict, reason: d.reason, by: d.by, from: state.saved.includes(d) || state.saved.some((s) => same(s, d)) ? 'written' : 'draft' };
  if (e.fileDecision) return { ...e.fileDecision, from: 'file' };
  if (e.decided) return { verdict: e.decided, reason: '', from: 'bundle' };
  return null;
}

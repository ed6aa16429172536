// The same thing is said in the same words and shapes everywhere.
import { h, icon } from './dom.js';
import { sourceOf, destinationOf } from './data.js';
import { decisionOn } from './state.js';

/** direction is the arrow and the word. */
export const direction = (d) => (d ? [icon(d === 'ingress' ? 'in' : 'out'), h('span', {}, d)] : '–');

const meaning = { allowed: 'worked', mixed: 'worked, and was denied at times', denied: 'denied by a policy', pending: 'tried, nothing shows that it worked', refused: 'could not be learned' };
/** stateWord is the state of an edge as a mark: its shape and word differ, not only its colour. */
export const stateWord = (s) => h('span', { class: `tag state-${s}`, title: meaning[s] }, s);

/** ruleText is a rule without its first words, which stand beside it. */
export const ruleText = (r) => r.text.replace(/^allow (ingress|egress) /, '');

/** ruleShort is a rule in few words: where its selectors are long, by the names of those that asked for it. */
export function ruleShort(r) {
  const text = ruleText(r);
  const at = text.search(/ (from|to) /);
  if (text.length <= 70 || at < 0 || !r.edges.length) return text;
  const name = r.direction === 'ingress' ? sourceOf : destinationOf;
  const names = [...new Set(r.edges.slice(0, 200).map(name))];
  return `${text.slice(0, at)} ${r.direction === 'ingress' ? 'from' : 'to'} ${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
}

/** decisionTag is what was decided, where it stands, and why. */
export function decisionTag(d) {
  if (!d) return null;
  const where = { draft: 'not written yet', written: 'written', file: 'in the file', bundle: 'learned with' }[d.from];
  return h('span', { class: `tag verdict ${d.verdict} ${d.from}`, title: d.reason || where }, icon(d.verdict), ` ${d.verdict}`, h('span', { class: 'sr' }, ` ${where}`));
}

export const decisionOf = (e) => decisionOn(e, sourceOf(e), destinationOf(e));

/** decisionOfRule is that of its edges, where all have the same; 'some' where only part has one. */
export function decisionOfRule(r) {
  if (!r.edges.length) return null;
  const all = r.edges.slice(0, 400).map(decisionOf);
  const first = all.find(Boolean);
  if (!first) return null;
  if (all.every((d) => d && d.verdict === first.verdict)) return first;
  return { ...first, verdict: first.verdict, partial: true };
}

/** edgeText is an edge on one line. */
export const edgeText = (e) => `${sourceOf(e)} → ${destinationOf(e)} ${e.port}`;

// Making elements. Every text of a stranger goes through `shown` into a text node or an attribute: never into markup.

// What does not show as itself: control characters, and what turns or hides other text.
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff]|[\u{e0000}-\u{e0fff}]/gu;

/** shown is a text with escapes for what does not show as itself. */
export const shown = (s) =>
  String(s).replace(hidden, (c) => [...c].map((r) => '\\u' + r.codePointAt(0).toString(16).padStart(4, '0')).join(''));

/** short is shown, cut in the middle where it is very long. */
export function short(s, most = 80) {
  const r = [...shown(s)];
  const half = Math.floor((most - 1) / 2);
  return r.length <= most ? r.join('') : r.slice(0, most - 1 - half).join('') + '…' + r.slice(-half).join('');
}

/** h makes an element: h('button', {class: 'x', onclick: f}, 'text', child). */
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else if (name === 'value') el.value = value;
    else el.setAttribute(name, value === true ? '' : shown(value));
  }
  put(el, ...children);
  return el;
}

/** put adds children: elements, texts, lists of them; what is false or null is left out. */
export function put(el, ...children) {
  for (const c of children.flat(Infinity)) {
    if (c === null || c === undefined || c === false || c === true) continue;
    el.append(c instanceof Node ? c : document.createTextNode(shown(c)));
  }
  return el;
}

/** fill replaces the children. */
export function fill(el, ...children) {
  el.replaceChildren();
  return put(el, ...children);
}

/** count writes a number with thin groups. */
export const count = (n) => Number(n).toLocaleString('en-US');

/** plural writes a number with its noun. */
export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

/** stamp writes a time. */
export const stamp = (s) => (s ? new Date(s * 1000).toISOString().replace('T', ' ').slice(0, 16) + 'Z' : 'not known');

/** icons are shapes, so that nothing is told by colour alone. */
export const icon = (name) =>
  h('span', { class: `icon ${name}`, 'aria-hidden': 'true' }, { in: '→▣', out: '▣→', good: '✓', bad: '✗', warn: '!', info: 'i', accept: '✓', reject: '✗', ignore: '–', widen: '↔' }[name] ?? '');

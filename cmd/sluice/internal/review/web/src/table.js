// A table of which only the rows in sight are drawn. One element has the focus; the active row is told to screen
// readers by aria-activedescendant, and each row knows its number.
import { h, fill } from './dom.js';

let tables = 0;

/**
 * table makes one. columns: [{head, cell(row) -> child or list, width, wide: hidden on narrow screens}]; open(row) is
 * called when a row becomes active, act(row, key) for letters.
 */
export function table({ label, columns, open, act, key }) {
  const id = `t${tables++}`;
  let rows = [], active = -1, paper = false; // paper takes all rows, in order
  const height = () => (matchMedia('(max-width: 640px)').matches ? 58 : 36);
  const spacer = h('div', { class: 'spacer', role: 'presentation' });
  const head = h('div', { class: 'row head', role: 'row', 'aria-rowindex': 1 },
    columns.map((c) => h('div', { role: 'columnheader', class: `cell ${c.class ?? ''}` }, c.head)));
  const scroller = h('div', { class: 'scroller', role: 'presentation' }, spacer);
  const grid = h('div', {
    class: 'grid', role: 'grid', tabindex: 0, 'aria-label': label, 'aria-colcount': columns.length,
    onkeydown: keys, onfocus: () => { if (active < 0 && rows.length) go(0, false); },
  }, h('div', { role: 'rowgroup', class: 'heads' }, head), scroller);
  grid.style.setProperty('--columns', columns.map((c) => c.width ?? '1fr').join(' '));
  const none = h('p', { class: 'none' }, 'Nothing matches. Clear the filter to see everything.');
  scroller.addEventListener('scroll', draw, { passive: true });
  new ResizeObserver(draw).observe(scroller);
  window.addEventListener('beforeprint', () => { paper = true; renew(); });
  window.addEventListener('afterprint', () => { paper = false; renew(); });
  const made = new Map();

  function draw() {
    const step = height();
    spacer.style.height = `${rows.length * step}px`;
    const from = paper ? 0 : Math.max(0, Math.floor(scroller.scrollTop / step) - 5);
    const to = paper ? rows.length : Math.min(rows.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / step) + 5);
    for (const [i, el] of made) if (i < from || i >= to) { el.remove(); made.delete(i); }
    for (let i = from; i < to; i++) {
      let el = made.get(i);
      if (!el) {
        const row = rows[i];
        el = h('div', { class: 'row', role: 'row', id: `${id}-${i}`, 'aria-rowindex': i + 2, onclick: () => go(i, true) },
          columns.map((c) => h('div', { role: 'gridcell', class: `cell ${c.class ?? ''}` }, c.cell(row))));
        made.set(i, el);
        spacer.append(el);
      }
      el.style.transform = `translateY(${i * step}px)`;
      el.style.height = `${step}px`;
      el.setAttribute('aria-selected', String(i === active));
    }
    if (active >= 0 && made.has(active)) grid.setAttribute('aria-activedescendant', `${id}-${active}`);
    else grid.removeAttribute('aria-activedescendant');
  }

  function go(i, tell = true) {
    if (!rows.length) return;
    active = Math.max(0, Math.min(rows.length - 1, i));
    const step = height(), top = active * step;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + step > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + step - scroller.clientHeight;
    draw();
    if (tell) open(rows[active]);
  }

  function keys(ev) {
    if (ev.ctrlKey || ev.metaKey || ev.altKey || ev.target !== grid) return;
    const page = Math.max(1, Math.floor(scroller.clientHeight / height()) - 1);
    const to = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: rows.length - 1 }[ev.key];
    if (to !== undefined) go(to);
    else if (ev.key === 'Enter' && active >= 0) open(rows[active], true);
    else if (!(active >= 0 && act?.(rows[active], ev.key))) return;
    ev.preventDefault();
    ev.stopPropagation();
  }

  /** renew draws the rows again, when what is in them changed. */
  function renew() {
    for (const el of made.values()) el.remove();
    made.clear();
    draw();
  }

  return {
    el: grid,
    focus: () => grid.focus(),
    /** show sets the rows; the active one stays where it is there still. */
    show(list) {
      const was = active >= 0 && rows[active] ? key(rows[active]) : null;
      rows = list;
      active = was === null ? -1 : rows.findIndex((r) => key(r) === was);
      grid.setAttribute('aria-rowcount', rows.length + 1);
      none.remove();
      if (!rows.length) scroller.append(none);
      if (scroller.scrollTop > rows.length * height()) scroller.scrollTop = 0;
      renew();
    },
    renew,
    /** mark makes a row active without telling. */
    mark(k) {
      const i = rows.findIndex((r) => key(r) === k);
      if (i >= 0 && i !== active) go(i, false);
    },
    draw,
  };
}

/** more shows a list of which the first are drawn, with a button for the rest. */
export function more(list, draw, most = 40) {
  const box = h('div', { class: 'more' });
  let shown = 0;
  const step = () => {
    const next = list.slice(shown, shown + most).map(draw);
    shown += next.length;
    box.querySelector(':scope > .rest')?.remove();
    box.append(...next);
    if (shown < list.length) {
      box.append(h('button', { class: 'rest', onclick: step }, `${list.length - shown} more`));
    }
  };
  fill(box);
  step();
  return box;
}

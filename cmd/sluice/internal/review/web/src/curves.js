// The curves: how many edges were known after how long, and what would have been lost, had the rest been denied earlier.
import uPlot from 'uplot';
import { h, fill, plural, stamp, count } from './dom.js';
import { page, edges, worked } from './data.js';

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** curves makes the view. */
export function curves() {
  const el = h('div', { class: 'sheet curves' });
  let plots = [];

  const axes = (y) => [
    { stroke: css('--ink'), grid: { stroke: css('--line') }, ticks: { stroke: css('--line') }, values: (_, v) => v.map((s) => new Date(s * 1000).toISOString().slice(5, 16).replace('T', ' ')), space: 90 },
    { stroke: css('--ink'), grid: { stroke: css('--line') }, ticks: { stroke: css('--line') }, label: y, size: 60, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] },
  ];

  function known() {
    const times = edges.filter((e) => worked(e) && e.first).map((e) => e.first).sort((a, b) => a - b);
    if (!times.length) return h('p', { class: 'quiet' }, 'The times are in report.json of the run, which is not here.');
    const xs = [], ys = [];
    times.forEach((t, i) => { if (xs.at(-1) === t) ys[ys.length - 1] = i + 1; else { xs.push(t); ys.push(i + 1); } });
    const end = Math.max(...edges.map((e) => e.last));
    if (end > xs.at(-1)) { xs.push(end); ys.push(times.length); }
    const span = (end - times[0]) || 1, late = times.filter((t) => t > times[0] + span * 0.8).length;
    const place = h('div', { class: 'plot' });
    place.setAttribute('role', 'img');
    place.setAttribute('aria-label', `Edges known over time, from ${stamp(times[0])} to ${stamp(end)}: ${times.length} in the end`);
    const half = times[Math.floor((times.length - 1) / 2)];
    const text = h('p', {}, `${plural(times.length, 'edge', 'edges')} from ${stamp(times[0])} to ${stamp(end)}. Half of them were known by ${stamp(half)}; ${late ? `${count(late)} came in the last fifth of the time: more may come` : 'none came in the last fifth of the time'}.`);
    plot(place, { height: 260, series: [{}, { label: 'edges known', stroke: css('--flow'), width: 2, paths: uPlot.paths.stepped({ align: 1 }), points: { show: xs.length < 60 } }], axes: axes('edges known') }, [xs, ys]);
    return [text, place];
  }

  function lost() {
    if (!page.backtest.length) return h('p', { class: 'quiet' }, page.evidence ? 'The flows are too short a time for a backtest: it tries the end of every hour or day.' : 'The bundle has no evidence: sluice backtest draws it from the flows.');
    if (page.backtest.every((b) => b.lost.every((n) => n === 0))) return h('p', {}, `${page.backtest.length === 1 ? `Denied from ${stamp(page.backtest[0].at)} on, the one time that was tried, nothing` : `Denied from any of the ${count(page.backtest.length)} times on that were tried, the first of them ${stamp(page.backtest[0].at)}, nothing`} would have been lost that these flows show. Of what came after them, that says nothing.`);
    const used = page.causes.map((_, c) => c).filter((c) => page.backtest.some((b) => b.lost[c] > 0));
    const total = page.backtest.map((b) => b.lost.reduce((a, n) => a + n, 0));
    const xs = page.backtest.map((b) => b.at);
    const place = h('div', { class: 'plot', role: 'img', 'aria-label': `Edges that would have been lost, by the time from which the rest is denied: ${total[0]} at first, ${total.at(-1)} at last` });
    const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [1, 6]];
    const series = [{}, { label: 'all causes', stroke: css('--ink'), width: 2.5 }, ...used.map((c, i) => ({ label: page.causes[c], stroke: css(`--plot${i % 5}`), width: 2, dash: dashes[i + 1] ?? [] }))];
    plot(place, { height: 260, series, axes: axes('edges lost') }, [xs, total, ...used.map((c) => page.backtest.map((b) => b.lost[c]))]);
    const table = h('details', {}, h('summary', {}, 'As a table'), h('table', { class: 'plain' }, h('thead', {}, h('tr', {}, ['Denied from', 'Known', 'Lost', ...used.map((c) => page.causes[c])].map((t) => h('th', { scope: 'col' }, t)))),
      h('tbody', {}, page.backtest.map((b, i) => h('tr', {}, [stamp(b.at), b.known, total[i], ...used.map((c) => b.lost[c])].map((t) => h('td', {}, t)))))));
    return [h('p', {}, `Had the rest been denied from ${stamp(xs[0])} on, ${plural(total[0], 'edge', 'edges')} that came later would have been lost; from ${stamp(xs.at(-1))} on, ${count(total.at(-1))}.`), place, table];
  }

  function plot(place, o, data) {
    plots.push(() => {
      const u = new uPlot({ width: Math.max(280, place.clientWidth), legend: { live: false }, padding: [12, 48, 0, 0], cursor: { drag: { x: false, y: false } }, scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.05)] } }, ...o }, data, place);
      new ResizeObserver(() => { if (place.clientWidth) u.setSize({ width: Math.max(280, place.clientWidth), height: o.height }); }).observe(place);
    });
  }

  function show() {
    plots = [];
    fill(el, h('h2', {}, 'Has enough been seen? Edges known over time'), known(), h('h2', {}, 'Had it been denied earlier: what would have been lost'), lost());
    for (const p of plots) p();
  }
  return { el, show, restyle: () => { if (el.isConnected) show(); } };
}

// The two questions that the page asks of the server it came from.
async function post(what, decisions, removed) {
  let r;
  try {
    r = await fetch(what, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ decisions, removed }) });
  } catch {
    throw new Error('the server does not answer: is sluice review still running?');
  }
  const body = await r.json().catch(() => ({ error: `status ${r.status}` }));
  if (!r.ok) throw new Error(body.error);
  return body;
}

/** effect is what decisions would change, and taking some of the file out of it, by their index. */
export const effect = (decisions, removed) => post('effect', decisions, removed);

/** save writes decisions to the configuration, without some of its own. */
export const save = (decisions, removed) => post('save', decisions, removed);

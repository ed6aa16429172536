// The two questions that the page asks of the server it came from.
async function post(what, decisions) {
  let r;
  try {
    r = await fetch(what, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ decisions }) });
  } catch {
    throw new Error('the server does not answer: is sluice review still running?');
  }
  const body = await r.json().catch(() => ({ error: `status ${r.status}` }));
  if (!r.ok) throw new Error(body.error);
  return body;
}

/** effect is what decisions would change. */
export const effect = (decisions) => post('effect', decisions);

/** save writes decisions to the configuration. */
export const save = (decisions) => post('save', decisions);

// Requests to the gateway. What it refuses is a Problem with its own words; that it could not be
// reached is Lost. Whoever wants to know hears of each answer.

const TIMEOUT_MS = 20_000;

/** A refusal: `code` is stable, the message is a sentence for a person. */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** The gateway was not reached, or did not answer in time. */
export class Lost extends Error {}

/** Called with "answered", "token" when one is needed, or "lost". */
const heard = new Set();
export const onAnswer = (hear) => heard.add(hear);
const tell = (what, detail = "") => heard.forEach((hear) => hear(what, detail));

/** Where a name is. A browser takes "." and ".." for steps in the path, however they are written. */
export function pathOf(before, name) {
  if (name === "." || name === "..") {
    const detail = `a browser cannot ask for ${JSON.stringify(name)}: use the gossamer command`;
    throw new Problem(0, "bad_key", detail);
  }
  try {
    return before + encodeURIComponent(name);
  } catch {
    throw new Problem(0, "bad_key", "that is no text: it has half of a character");
  }
}

/** The answer, if it is a good one. Raises Problem or Lost. With `tries_token` a token is tried: that
 * it is none is for who asks, and says nothing of the one that there is. */
export async function ask(path, { timeout_ms = TIMEOUT_MS, tries_token = false, ...options } = {}) {
  let response;
  try {
    const signal = AbortSignal.timeout(timeout_ms);
    response = await fetch(path, { signal, credentials: "same-origin", ...options });
  } catch {
    tell("lost");
    throw new Lost("the gateway does not answer");
  }
  if (response.ok) {
    tell("answered");
    return response;
  }
  throw problemOf(response.status, await response.text().catch(() => ""), tries_token);
}

/** What an answer says that is none of the good ones. */
export function problemOf(status, body, tries_token = false) {
  let told = {};
  try {
    told = JSON.parse(body) ?? {};
  } catch {
    told = { detail: `the gateway answered ${status}` };
  }
  const detail = typeof told.detail === "string" ? told.detail : `the gateway answered ${status}`;
  if (status !== 401) tell("answered", detail);
  else if (!tries_token) tell("token", detail);
  return new Problem(status, told.code ?? "failed", detail);
}

export const askJson = async (path, options) => await (await ask(path, options)).json();

const JSON_HEADERS = { "Content-Type": "application/json" };

export const post = (path, body, options = {}) =>
  ask(path, { method: "POST", headers: JSON_HEADERS, body, ...options });

export const drop = (path) => ask(path, { method: "DELETE" });

// What is shown is made here. Names, keys and values are strangers' text: they get into the page as
// text alone, never as HTML.

export const find = (id) => document.getElementById(id);

/** An element with these properties ("class", "on": {event: handler}, attributes) and children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) made.addEventListener(event, handler);
    } else if (value === true) {
      made.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** The sign of a member's state, or of another thing that the page has a symbol for. */
export function sign(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `sign sign-${name}`);
  svg.setAttribute("viewBox", "0 0 12 12");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#sign-${name}`);
  svg.append(use);
  return svg;
}

/** Put this text there; nothing is touched where it is there already. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** A reason as a sentence: it begins in lower case, for it may stand in another. A first word that
 * may be a name, as of a key, stays as it is. */
export function sentence(reason) {
  const isWord = /^[a-z]+(?=[ ,:;]|$)/.test(reason);
  const text = isWord ? reason[0].toUpperCase() + reason.slice(1) : reason;
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Say there how something is, or that it is done. */
export function tell(target, text) {
  delete target.dataset.kind;
  target.setAttribute("role", "status");
  say(target, text);
}

/** Say there why something failed: it is seen, and heard, to be an error. */
export function complain(target, error) {
  target.dataset.kind = "error";
  target.setAttribute("role", "alert");
  say(target, sentence(error.message));
}

export const number = (value) => value.toLocaleString("en-US");

export function many(count, what) {
  return `${number(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** Bytes as `gossamer` says them: "1 byte", "12.3 kB". */
export function size(bytes) {
  if (bytes < 1000) return many(bytes, "byte");
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

const two = (value) => String(value).padStart(2, "0");

/** The time of day, in this browser's zone. */
export function clock(date) {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export function day(date) {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** How long: "4 s", "3 min", "2 h". */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

/** Call `act` now and then: at once if it has been quiet, and never twice within `ms`. */
export function throttle(ms, act) {
  let last = -Infinity;
  let timer = 0;
  return () => {
    if (timer) return;
    timer = setTimeout(
      () => {
        timer = 0;
        last = performance.now();
        act();
      },
      Math.max(0, last + ms - performance.now()),
    );
  };
}

// What flows: rates and latencies of the last minute, a second a step, and a log of the latest
// events. However many there are, the page is touched once a frame at most, and the log tells some
// of them one by one and counts the others.

import { clock, element, find, many, number, say, sign } from "./text.js";

const SECONDS = 60;
const HEIGHT = 32;
const MOST_LINES = 80;
const TOLD_EACH = 4;
const FLUSH_MS = 500;
/** What the page itself asks for is no news. */
const OWN = new Set(["status", "ring", "members", "events", "metrics"]);

export class FlowView {
  /** `opens(key)` is called for a key of the log that was chosen. */
  constructor(opens) {
    this.opens = opens;
    this.seconds = Array.from({ length: SECONDS }, empty);
    this.waiting = [];
    this.counted = 0;
    this.timer = 0;
    this.#step();
  }

  /** A key that was changed: "put" or "deleted". */
  key({ key, change }) {
    this.seconds.at(-1).changes += 1;
    if (this.waiting.length < TOLD_EACH) this.#line("change", change, key);
    else this.counted += 1;
    this.#soon();
  }

  /** What passed through the gateway in a second. */
  traffic({ requests, failed, p50_ms, p99_ms }) {
    const told = Object.entries(requests).filter(([operation]) => !OWN.has(operation));
    const count = told.reduce((sum, [, some]) => sum + some, 0);
    const second = this.seconds.at(-1);
    second.requests += count;
    if (count > 0) Object.assign(second, { p50_ms, p99_ms });
    if (count === 0) return;
    if (failed > 0) this.log("failed", many(Math.min(failed, count), "request"), "failed");
    const kinds = told.map(([operation, some]) => `${number(some)} ${operation.replace("_", " ")}`);
    this.log("request", kinds.join(", "));
  }

  /** Any other event: a kind, and what to say. */
  log(kind, text, more = "") {
    this.#line(kind, `${text} ${more}`.trim());
    this.#soon();
  }

  #line(kind, text, key = null) {
    this.waiting.push({ kind, text, key, at: new Date() });
  }

  #soon() {
    if (!this.timer) this.timer = setTimeout(() => this.#flush(), FLUSH_MS);
  }

  #flush() {
    this.timer = 0;
    if (this.counted) this.#line("change", `and ${many(this.counted, "more key")} changed`);
    const list = find("log");
    const isRead = list.scrollTop > 4;
    const before = list.scrollHeight;
    list.prepend(...this.waiting.map((line) => this.#row(line)).reverse());
    // Who has scrolled down to read goes on reading the same lines.
    if (isRead) list.scrollTop += list.scrollHeight - before;
    while (list.children.length > MOST_LINES) list.lastElementChild.remove();
    this.waiting = [];
    this.counted = 0;
  }

  #row({ kind, text, key, at }) {
    const time = element("time", { datetime: at.toISOString() }, clock(at));
    const row = element("li", { class: `of-${kind}` }, time, sign(SIGNS[kind] ?? kind), element("span", {}, text));
    if (key !== null) {
      const open = () => this.opens(key);
      row.lastElementChild.append(" ", element("button", { type: "button", class: "link", on: { click: open } }, key));
    }
    return row;
  }

  #step() {
    this.seconds.push(empty());
    this.seconds.shift();
    this.#draw();
    setTimeout(() => this.#step(), 1000 - (Date.now() % 1000));
  }

  #draw() {
    if (document.hidden) return;
    // The second that is not over yet is left out.
    const past = this.seconds.slice(0, -1);
    const known = past.filter(({ p50_ms }) => p50_ms !== null).at(-1);
    say(find("rate"), `${number(past.at(-1).requests || past.at(-2).requests)} /s`);
    say(find("changes"), `${number(past.at(-1).changes)} /s`);
    say(find("latency"), known ? `${ms(known.p50_ms)}; 99 %: ${ms(known.p99_ms)}` : "–");
    draw(find("rate-line"), [past.map((s) => s.requests)], ["area"]);
    draw(find("changes-line"), [past.map((s) => s.changes)], ["area"]);
    draw(find("latency-line"), [past.map((s) => s.p99_ms), past.map((s) => s.p50_ms)], ["faint", "area"]);
  }
}

const SIGNS = {
  change: "change",
  request: "request",
  failed: "dead",
  left: "dead",
  lost: "dead",
  back: "alive",
  note: "unknown",
};

const empty = () => ({ requests: 0, changes: 0, p50_ms: null, p99_ms: null });

function ms(value) {
  if (value >= 1_000) return `${(value / 1_000).toFixed(1)} s`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function draw(svg, series, classes) {
  const most = Math.max(1, ...series.flat().filter((value) => value !== null));
  series.forEach((values, i) => {
    let path = svg.children[i];
    if (!path) {
      path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("class", classes[i]);
      svg.append(path);
    }
    const bar = (value, x) => {
      const top = (HEIGHT - Math.max(1.5, (value / most) * (HEIGHT - 2))).toFixed(1);
      return value ? `M${x} ${HEIGHT}V${top}H${x + 0.8}V${HEIGHT}Z` : "";
    };
    path.setAttribute("d", values.map(bar).join(""));
  });
}

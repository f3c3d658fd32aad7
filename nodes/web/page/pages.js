// A list that comes in pages: keys, or files. It holds one page, and the places of those before.

import { complain, find, number, say, tell } from "./text.js";

const LIMIT = 50;

export class Pages {
  /** `name` begins the ids of its elements; `fetch(prefix, cursor, limit)` answers {items, cursor};
   * `row(item)` makes an element of the list. */
  constructor(name, fetch, row, nothing) {
    Object.assign(this, { name, fetch, row, nothing });
    this.prefix = "";
    this.before = [];
    this.cursor = "";
    this.after = null;
    this.asked = 0;
    this.hasFailed = false;
    find(`${name}-filter`).addEventListener("submit", (event) => {
      event.preventDefault();
      this.prefix = find(`${name}-prefix`).value;
      this.#go([], "");
    });
    find(`${name}-back`).addEventListener("click", () => this.#go(this.before.slice(0, -1), this.before.at(-1)));
    find(`${name}-on`).addEventListener("click", () => this.#go([...this.before, this.cursor], this.after));
  }

  #go(before, cursor) {
    this.before = before;
    this.cursor = cursor;
    return this.load();
  }

  /** Fetch the page that is shown, again. */
  async load() {
    this.asked += 1;
    const asked = this.asked;
    try {
      const page = await this.fetch(this.prefix, this.cursor, LIMIT);
      if (asked === this.asked) this.#show(page);
    } catch (error) {
      if (asked !== this.asked) return;
      this.hasFailed = true;
      complain(find(`${this.name}-trouble`), error);
    }
  }

  /** Fetch it again if that has failed. */
  retry() {
    if (this.hasFailed) this.load();
  }

  #show({ items, cursor }) {
    this.after = cursor;
    this.hasFailed = false;
    const list = find(`${this.name}-list`);
    const shown = JSON.stringify(items);
    if (list.shown !== shown) {
      list.shown = shown;
      const focused = list.contains(document.activeElement) ? document.activeElement.dataset.item : null;
      list.replaceChildren(...items.map((item) => this.row(item)));
      // Who is in the list by keyboard stays where the same thing is.
      const again = [...list.querySelectorAll("[data-item]")].find((one) => one.dataset.item === focused);
      if (focused) again?.focus({ preventScroll: true });
    }
    const first = this.before.length * LIMIT;
    const range = `${number(first + 1)}–${number(first + items.length)}`;
    tell(find(`${this.name}-trouble`), items.length === 0 ? this.nothing : "");
    say(find(`${this.name}-page`), items.length === 0 || (!cursor && !first) ? "" : range);
    find(`${this.name}-back`).disabled = this.before.length === 0;
    find(`${this.name}-on`).disabled = !cursor;
  }
}

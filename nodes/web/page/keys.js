// Keys: browsed in pages, looked at, put and deleted, and explained: where a key is, and what each of
// its owners holds.

import { ask, askJson, drop, pathOf, post } from "./api.js";
import { Pages } from "./pages.js";
import { meaning, shownValue } from "./values.js";
import { clock, complain, day, element, find, many, number, say, sentence, tell, throttle } from "./text.js";

const EVERY_MS = 2_000;
const PARTITIONS = 4096;
/** Words for what is stored, where more is not known of it. */
const KINDS = { json: "JSON", bytes: "bytes" };

export class KeysView {
  /** `confirm(question, yes)` asks a person; `marks(position)` is told where the key that is looked
   * at is, from 0 to 1, or null. */
  constructor(confirm, marks) {
    this.confirm = confirm;
    this.marks = marks;
    this.key = null;
    this.whole = null;
    this.looks = 0;
    this.pages = new Pages("key", fetchKeys, (item) => this.#row(item), "There are no such keys.");
    this.again = throttle(EVERY_MS, () => document.hidden || this.pages.load());
    this.lookAgain = throttle(1_000, () => this.key !== null && this.#look());
    const submits = (id, act) =>
      find(id).addEventListener("submit", (event) => {
        event.preventDefault();
        act();
      });
    submits("key-open", () => this.open(find("key-name").value));
    submits("key-put", () => this.#put());
    find("put-value").addEventListener("input", () => this.#showMeaning());
    find("shown-edit").addEventListener("click", () => this.#edit());
    find("shown-delete").addEventListener("click", () => this.#delete());
  }

  load() {
    this.pages.load();
  }

  /** Once the network is better: fetch what could not be. */
  retry() {
    this.pages.retry();
  }

  /** A key was changed: what is shown of it is read again. */
  changed(key) {
    if (key.startsWith(this.pages.prefix)) this.again();
    if (key === this.key) this.lookAgain();
  }

  /** Look at a key, which may not be there. */
  open(key) {
    this.key = key;
    find("key-name").value = key;
    for (const row of find("key-list").querySelectorAll("button")) {
      row.setAttribute("aria-current", String(row.dataset.item === key));
    }
    return this.#look();
  }

  #row({ key }) {
    const open = () => this.open(key);
    const is = String(key === this.key);
    return element("li", {}, element("button", { type: "button", "data-item": key, "aria-current": is, on: { click: open } }, key));
  }

  async #look() {
    const key = this.key;
    this.looks += 1;
    const look = this.looks;
    const [value, where] = await Promise.allSettled([readValue(key), explain(key)]);
    if (look !== this.looks) return;
    find("key-shown").hidden = false;
    say(find("shown-key"), key);
    // How many bytes it has where it is stored, as the owners say below.
    const isSame = ({ code, version }) => code === "ok" && version === value.value?.version;
    this.#showValue(key, value, where.value?.replicas.find(isSame));
    this.#showPlace(where, (replica) => (isSame(replica) ? value.value.kind : KINDS[replica.kind]));
  }

  #showValue(key, { value, reason }, stored) {
    this.whole = value?.whole ?? null;
    find("shown-value").hidden = !value;
    find("shown-edit").hidden = this.whole === null;
    find("shown-download").hidden = find("shown-delete").hidden = !value;
    const about = find("shown-about");
    if (value) {
      const size_bytes = stored?.size_bytes ?? value.size_bytes;
      tell(about, `${value.kind}, ${many(size_bytes, "byte")}, version ${value.version}`);
    } else if (reason.code === "not_found") tell(about, sentence(reason.message));
    else complain(about, reason);
    say(find("shown-value"), value?.text ?? "");
    find("shown-value").classList.toggle("hex", value?.kind === "bytes");
    if (value) find("shown-download").href = `${pathOf("/v1/kv/", key)}?raw=true`;
  }

  /** `kindOf(replica)` is a word for what it holds. */
  #showPlace({ value: told, reason }, kindOf) {
    find("shown-replicas").hidden = !told;
    say(find("shown-agrees"), "");
    if (!told) {
      complain(find("shown-place"), reason);
      this.marks(null);
      return;
    }
    this.marks(parseInt(told.position.slice(0, 13), 16) / 16 ** 13);
    const moves = told.new_owners.length > 0 ? `; it moves to ${told.new_owners.join(", ")}` : "";
    const hints = told.hinted.map((name) => `; a hint waits for ${name}`).join("");
    const where = `Position ${told.position.slice(0, 10)}…, partition ${number(told.partition)} of ${number(PARTITIONS)}`;
    tell(find("shown-place"), `${where}, owned by ${told.owners.join(", ")}${moves}${hints}.`);
    const rows = told.replicas.map((replica) =>
      element("tr", {}, ...cells(replica, kindOf).map((cell, i) => element(i ? "td" : "th", i ? {} : { scope: "row" }, cell))),
    );
    find("shown-replicas").tBodies[0].replaceChildren(...rows);
    say(find("shown-agrees"), agreement(told));
  }

  #showMeaning() {
    const text = find("put-value").value;
    let said = "JSON if it reads as JSON, else text";
    try {
      if (text) said = meaning(text).kind;
    } catch (error) {
      said = error.message;
    }
    say(find("put-kind"), said);
  }

  async #put() {
    const key = find("put-key").value;
    const ttl = find("put-ttl").value.trim();
    try {
      const { json } = meaning(find("put-value").value);
      const query = ttl ? `?ttl=${encodeURIComponent(ttl)}` : "";
      const stored = await post(`/v1/kv${query}`, `{"key":${JSON.stringify(key)},"value":${json}}`);
      const { replicas } = await stored.json();
      tell(find("put-told"), `${key} is stored, on ${replicas.join(" and ")} at least.`);
    } catch (error) {
      complain(find("put-told"), error);
      return;
    }
    find("put-value").value = find("put-ttl").value = "";
    this.#showMeaning();
    this.again();
    this.open(key);
  }

  #edit() {
    find("put-key").value = this.key;
    find("put-value").value = this.whole;
    this.#showMeaning();
    find("put-value").focus();
  }

  async #delete() {
    const key = this.key;
    if (!(await this.confirm(`Delete the key ${key}?`, "Delete it"))) return;
    try {
      await drop(pathOf("/v1/kv/", key));
      this.again();
      await this.#look();
    } catch (error) {
      complain(find("shown-about"), error);
    }
  }
}

function fetchKeys(prefix, cursor, limit) {
  const query = new URLSearchParams({ prefix, cursor: cursor ?? "", limit, values: false });
  return askJson(`/v1/kv?${query}`);
}

/** Async, so that a key without a path is a refusal like any other. */
const explain = async (key) => await askJson(pathOf("/v1/explain/", key));

async function readValue(key) {
  const response = await ask(`${pathOf("/v1/kv/", key)}?raw=true`);
  const version = (response.headers.get("etag") ?? "").replaceAll('"', "");
  return { ...(await shownValue(response)), version };
}

function cells(replica, kindOf) {
  const isValue = replica.code === "ok";
  let expires = "–";
  if (isValue) {
    const at = replica.expires === null ? null : new Date(replica.expires * 1000);
    expires = at === null ? "never" : `${day(at)} ${clock(at)}`;
  }
  return [
    replica.name,
    isValue ? kindOf(replica) : notThere(replica),
    replica.version || "–",
    expires,
    isValue ? number(replica.size_bytes) : "–",
  ];
}

function notThere({ code, version }) {
  if (code !== "not_found") return `unknown: ${code}`;
  return version ? "deleted or expired" : "nothing";
}

/** The last sentence of `gossamer explain`. */
function agreement(told) {
  if (told.agrees) return "The owners agree.";
  const unknown = told.replicas.filter(({ code }) => code !== "ok" && code !== "not_found");
  if (unknown.length > 0) return `What ${unknown.map(({ name }) => name).join(", ")} has is unknown.`;
  return "The owners do not agree at the moment; reading the key brings them together.";
}

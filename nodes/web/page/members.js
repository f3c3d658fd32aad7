// The members, and how the network is, in the words of `gossamer status`.

import { clock, element, find, many, number, say, sign, size } from "./text.js";

const PARTITIONS = 4096;

export class MembersView {
  /** `lights(id)` is told which member is pointed at; `told(text)` what became of one. */
  constructor(colours, lights, told) {
    this.colours = colours;
    this.lights = lights;
    this.told = told;
    this.opened = new Date();
    this.members = new Map();
    this.ring = new Map();
    this.isRingKnown = false;
    this.rows = new Map();
    this.lit = null;
    this.pinned = null;
  }

  /** A member as an event has it. */
  change(member) {
    const known = this.members.get(member.id);
    if (member.state === "left") {
      this.members.delete(member.id);
      if (known) this.told("left", `${member.name} has left`);
    } else {
      const isNews = known ? known.state !== member.state : this.#isSettled();
      const was = known ? `${known.state} → ${member.state}` : `new member, ${member.state}`;
      if (isNews) this.told(member.state, `${member.name}: ${was}`);
      else if (known && known.address !== member.address) {
        this.told(member.state, `${member.name}: address changed to ${member.address}`);
      }
      const since = isNews ? new Date() : (known?.since ?? null);
      this.members.set(member.id, { ...member, since });
    }
    this.#show();
  }

  /** Those that keep data, with their shares, as /v1/ring has them. */
  takeRing(ring) {
    this.isRingKnown = true;
    this.ring = new Map(ring.members.map((member) => [member.id, member]));
    this.#show();
  }

  states() {
    return new Map([...this.members].map(([id, { state }]) => [id, state]));
  }

  /** Light this member's row, and tell its share; where none is, the one that was chosen. */
  light(id) {
    this.lit = id ?? this.pinned;
    for (const [one, row] of this.rows) row.classList.toggle("lit", one === this.lit);
    const member = this.ring.get(this.lit);
    const name = this.members.get(this.lit)?.name ?? member?.name;
    const text = member
      ? `${name} has ${percent(member.share)} of all copies, ${number(member.copies)} partitions` +
        (member.silent ? "; it has not answered" : "")
      : name && this.isRingKnown
        ? `${name} keeps no data yet`
        : "";
    say(find("member-told"), text);
    return this.lit;
  }

  /** After the first members have been told, one more is news. */
  #isSettled() {
    return this.members.size > 0 && Date.now() - this.opened > 5_000;
  }

  #show() {
    this.colours.take([...new Set([...this.members.keys(), ...this.ring.keys()])]);
    const list = find("member-list");
    const sorted = [...this.members.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const [id, row] of this.rows) {
      if (this.members.has(id)) continue;
      row.parentElement.remove();
      this.rows.delete(id);
      if (this.pinned === id) this.pinned = null;
    }
    list.querySelector(".empty")?.remove();
    sorted.forEach((member, at) => {
      const row = this.rows.get(member.id) ?? this.#newRow(member.id);
      this.#fill(row, member);
      if (list.children[at] !== row.parentElement) list.insertBefore(row.parentElement, list.children[at]);
    });
  }

  #newRow(id) {
    const point = () => this.lights(id);
    const away = () => this.lights(null);
    const pin = () => {
      this.pinned = this.pinned === id ? null : id;
      for (const [one, other] of this.rows) other.setAttribute("aria-pressed", String(one === this.pinned));
      this.lights(id);
    };
    const row = element("button", {
      type: "button",
      class: "member",
      "aria-pressed": "false",
      on: { click: pin, pointerenter: point, pointerleave: away, focus: point, blur: away },
    });
    find("member-list").append(element("li", {}, row));
    this.rows.set(id, row);
    return row;
  }

  #fill(row, member) {
    const share = this.ring.get(member.id);
    const since = member.since
      ? `since ${clock(member.since)}`
      : `since before ${clock(this.opened).slice(0, 5)}`;
    const none = this.isRingKnown ? "no data" : "…";
    const shown = JSON.stringify([member, share?.share ?? none, share?.silent]);
    row.style.setProperty("--own", `var(${this.colours.property(member.id)})`);
    if (row.shown === shown) return; // it is not built anew under the pointer
    row.shown = shown;
    row.dataset.state = member.state;
    row.dataset.name = member.name;
    row.replaceChildren(
      element("span", { class: "swatch", "aria-hidden": "true" }),
      element("span", { class: "name" }, member.name),
      element("span", { class: "share" }, share ? percent(share.share) : none),
      element("span", { class: "state" }, sign(member.state), element("b", {}, member.state), ` ${since}`),
      element("span", { class: "address" }, member.address, share?.silent ? ", silent" : ""),
    );
  }
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** How it is with all copies: the sentence of `gossamer status`. */
export function copiesSentence(status) {
  const parts = [];
  if (status.under_replicated) {
    parts.push(`${number(status.under_replicated)} of ${number(PARTITIONS)} partitions lack a copy`);
    if (!status.without_quorum) parts.push("each has a quorum");
  }
  if (status.without_quorum) {
    parts.push(`${number(status.without_quorum)} have no quorum: their keys are unavailable`);
  }
  return parts.join(", ") || "every partition has all its copies";
}

function verdict(status) {
  if (status.safe_to_stop) return `It is safe to stop ${status.node} now.`;
  const reasons = status.reasons.map((reason) => reason.replace(/\.+$/, "")).join("; ");
  return `Do not stop ${status.node} now: ${reasons || "it gave no reason"}.`;
}

/** Show the status: the sentence at the top, and the facts below the members. */
export function showStatus(status) {
  const sentence = copiesSentence(status);
  const kind = status.without_quorum ? "danger" : status.under_replicated ? "warning" : "good";
  find("sentence").dataset.kind = kind;
  say(find("sentence"), `${many(status.members, "member")}: ${sentence}.`);
  const facts = find("facts");
  const shown = JSON.stringify(status);
  if (facts.shown === shown) return;
  facts.shown = shown;
  facts.replaceChildren(
    ...factsOf(status).flatMap(([name, ...told]) => [
      element("dt", {}, name),
      element("dd", {}, ...told),
    ]),
  );
}

function* factsOf(status) {
  yield ["verdict", verdict(status)];
  for (const { member, moved, to_move } of status.transfers) {
    const label = `Partitions moved to ${member}`;
    const bar = element("progress", { max: Math.max(1, to_move), value: moved, "aria-label": label });
    yield ["moving", `to ${member} `, bar, ` ${number(moved)} of ${number(to_move)} partitions`];
  }
  if (status.moving && status.transfers.length === 0) yield ["moving", "data moves to new owners"];
  for (const [member, count] of Object.entries(status.hints)) {
    yield ["hints", `${many(count, "write")} for ${member}, to be told when it is back`];
  }
  yield* fileFacts(status.files);
  for (const member of status.silent) yield ["silent", `${member} did not answer`];
  if (status.without_quorum && status.silent.length > 0) {
    yield ["lost?", "start it again, or forget it if it never comes back: gossamer forget"];
  }
  const secret = `encrypted, fingerprint of the secret ${status.fingerprint}`;
  yield ["traffic", status.fingerprint ? secret : "not encrypted: whoever reaches a port may use it"];
  yield ["epoch", number(status.epoch)];
}

function* fileFacts(files) {
  if (files.chunks || files.missing) {
    yield ["files", `${number(files.chunks)} copies of chunks, ${size(files.size_bytes)}`];
  }
  if (files.missing) yield ["missing", `${number(files.missing)} more are still to be made`];
  if (files.lost) {
    yield ["lost", `${number(files.lost)} copies of chunks that no node has: put their files again`];
  }
  if (files.strays) {
    yield ["moving", `${number(files.strays)} are kept until their new owners have them`];
  }
}

// What comes from the network by itself: events as they happen, and its status and ring, which are
// asked for when an event says so, at most once a second, and the status every five seconds.
//
// It knows whether the gateway and the nodes answer, and takes up again by itself, from the last
// event that it has had.

import { Lost, Problem, askJson, onAnswer } from "./api.js";

const STATUS_MS = 5_000;
const SOON_MS = 1_000;
const UNSETTLED_MS = 20_000;
const RING_MS = 30_000;
const UNSETTLED_RING_MS = 3_000;
const STATUS_TIMEOUT_MS = 12_000;
const AGAIN_MS = 2_000;
const UNSEEN_MS = 20_000;
const ASIDE = new Set(["up", "token", "refused"]);
const EVENTS = ["member", "key", "missed", "traffic", "trouble", "back"];

/** `hear` has a function for each of: member, key, missed, traffic, status, ring, connection. */
export class Live {
  constructor(hear) {
    this.hear = hear;
    this.connection = { state: "connecting", since: new Date(), detail: "" };
    this.lastId = "";
    this.source = null;
    this.statusTimer = 0;
    this.reopens = 0;
    this.rests = 0;
    this.isAsking = false;
    this.isAskedAgain = false;
    this.failures = 0;
    this.unsettledUntil = 0;
    this.shownFor = "";
    this.ringAt = -Infinity;
    this.answeredAt = this.foundAt = new Date();
    onAnswer((what, detail) => this.#answered(what, detail));
    document.addEventListener("visibilitychange", () => this.#seen());
    // A browser may keep a page that was left as it is, and its connections.
    addEventListener("pagehide", () => this.#rest());
    addEventListener("pageshow", (event) => event.persisted && this.#seen());
  }

  /** Begin, or begin anew as somebody else: with another token. */
  start() {
    this.#open();
    this.shownFor = "";
    this.look();
  }

  /** Ask for the status now, or as soon as it may be asked for again. */
  look() {
    if (this.isAsking) {
      this.isAskedAgain = true;
      return;
    }
    clearTimeout(this.statusTimer);
    this.statusTimer = setTimeout(() => this.#status(), 0);
  }

  /** A browser has six connections for all pages of a gateway, and who reads events has one: a page
   * that nobody looks at gives it back, and goes on later from where it was. */
  #seen() {
    clearTimeout(this.rests);
    if (document.hidden) {
      this.rests = setTimeout(() => this.#rest(), UNSEEN_MS);
      return;
    }
    if (this.source === null) this.#open();
    this.look();
  }

  #rest() {
    clearTimeout(this.reopens);
    this.source?.close();
    this.source = null;
  }

  #open() {
    this.#rest();
    const after = this.lastId ? `&after=${encodeURIComponent(this.lastId)}` : "";
    const source = new EventSource(`/v1/events?traffic${after}`);
    this.source = source;
    source.addEventListener("error", () => {
      // The browser tries again by itself, unless the answer was a refusal.
      if (source.readyState === EventSource.CLOSED && this.connection.state !== "token") {
        this.reopens = setTimeout(() => this.#open(), AGAIN_MS);
      }
      this.look();
    });
    source.addEventListener("open", () => this.look());
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        this.lastId = event.lastEventId;
        this.#happened(name, JSON.parse(event.data));
      });
    }
  }

  #happened(name, told) {
    if (name === "trouble") {
      this.failures += 1;
      this.look();
      return;
    }
    if (name === "back") {
      // The status that is answered now says so to a person.
      this.look();
      return;
    }
    if (name === "member" || name === "missed") {
      this.unsettledUntil = performance.now() + UNSETTLED_MS;
      this.look();
    }
    this.hear[name](told);
  }

  async #status() {
    this.isAsking = true;
    this.isAskedAgain = false;
    const began = performance.now();
    try {
      const status = await askJson("/v1/status", { timeout_ms: STATUS_TIMEOUT_MS });
      this.#found(status);
      await this.#ringFor(status);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.isAsking = false;
      this.#schedule(performance.now() - began);
    }
  }

  #schedule(took_ms) {
    const isSoon =
      this.isAskedAgain || this.failures > 0 || performance.now() < this.unsettledUntil;
    if (this.connection.state === "token" || (document.hidden && !isSoon)) return;
    clearTimeout(this.statusTimer);
    const wait = (isSoon ? SOON_MS : STATUS_MS) - took_ms;
    this.statusTimer = setTimeout(() => this.#status(), Math.max(250, wait));
  }

  #found(status) {
    this.failures = 0;
    this.foundAt = new Date();
    if (this.source?.readyState === EventSource.CLOSED) this.#open();
    this.#connection("up");
    this.hear.status(status);
  }

  /** The ring is fetched where the status is not the one that it was shown for. */
  async #ringFor(status) {
    const { epoch, members, under_replicated, without_quorum, moving, transfers, silent } = status;
    const told = { epoch, members, under_replicated, without_quorum, moving, transfers, silent };
    const shownFor = JSON.stringify(told);
    const isUnsettled = performance.now() < this.unsettledUntil;
    const isOld = performance.now() - this.ringAt > (isUnsettled ? UNSETTLED_RING_MS : RING_MS);
    if (shownFor === this.shownFor && !isOld) return;
    if (this.shownFor && shownFor !== this.shownFor) {
      this.unsettledUntil = performance.now() + UNSETTLED_MS;
    }
    this.hear.ring(await askJson("/v1/ring", { timeout_ms: STATUS_TIMEOUT_MS }));
    this.shownFor = shownFor;
    this.ringAt = performance.now();
  }

  #failed(error) {
    if (error instanceof Lost) return; // what heard of it has said so
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) return;
    this.failures += 1;
    if (error.status === 403) this.#connection("refused", error.message);
    // A node that has just died may cost one request: the next is asked of another.
    else if (this.failures > 1) {
      const state = error.code === "not_ready" ? "waiting" : "nodes";
      this.#connection(state, error.message, this.foundAt);
    }
  }

  #answered(what, detail) {
    if (what !== "lost") this.answeredAt = new Date();
    if (what === "token") this.#connection("token", detail);
    if (what === "lost") {
      this.failures += 1;
      this.#connection("gateway", "", this.answeredAt);
    }
    // Where the way to the gateway was cut, the browser may wait for events that never come.
    const wasLost = this.connection.state === "gateway";
    if (what === "answered" && wasLost && this.source !== null) this.#open();
    if (what === "answered" && ["gateway", "token"].includes(this.connection.state)) {
      this.#connection("connecting");
      this.look();
    }
  }

  #connection(state, detail = "", from = new Date()) {
    const was = this.connection;
    if (state === was.state && detail === was.detail) return;
    const since = state === was.state ? was.since : from;
    // Kept through all that is not "up", so that what is back can say for how long it was not.
    // Who has to sign in, or may not ask, has lost nothing.
    const lostAt = ASIDE.has(state) ? null : (was.lostAt ?? (state === "connecting" ? null : since));
    this.connection = { state, since, detail, lostAt };
    this.hear.connection(this.connection, was);
  }
}

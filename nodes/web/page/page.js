// The page of a gateway: what it shows is in the other files, and here they are told of each other.

import { Lost, Problem, onAnswer, post } from "./api.js";
import { Colours } from "./colours.js";
import { FilesView } from "./files.js";
import { FlowView } from "./flow.js";
import { KeysView } from "./keys.js";
import { Live } from "./live.js";
import { MembersView, showStatus } from "./members.js";
import { RingView } from "./ring.js";
import { clock, complain, duration, find, number, say, sentence, tell } from "./text.js";

const BACK_MS = 10_000;
const NAME = "gossamer-token-name";
const WRITES = new Set(["put_key", "post_key", "delete_key", "put_file", "post_file", "delete_file"]);

const colours = new Colours();
const lights = (id) => ring.light(members.light(id));
const ring = new RingView(colours, lights);
const members = new MembersView(colours, lights, tellMember);
const keys = new KeysView(confirm, (position) => ring.markKey(position));
const files = new FilesView(confirm);
const flow = new FlowView((key) => {
  keys.open(key);
  find("keys").scrollIntoView();
});
const live = new Live({
  member(member) {
    members.change(member);
    ring.showStates(members.states());
    showMiddle();
  },
  key(change) {
    ring.pulse("change", change.position);
    flow.key(change);
    keys.changed(change.key);
  },
  missed() {
    flow.log("note", "Some changes were missed.");
    keys.load();
  },
  traffic(told) {
    flow.traffic(told);
    // They are told together, once a second, and shown as they came: one after the other.
    told.shown.forEach(({ operation, status, position }, i) => {
      const kind = status >= 500 ? "failed" : WRITES.has(operation) ? "write" : "read";
      ring.pulse(kind, position, (i * 1_000) / told.shown.length);
    });
  },
  status(status) {
    showStatus(status);
    files.counted(status.files);
    keys.retry();
    files.retry();
  },
  ring(told) {
    members.takeRing(told);
    ring.show(told);
    showCounts(told);
    showMiddle();
  },
  connection: showConnection,
});

function tellMember(state, text) {
  flow.log(state, text);
  say(find("news"), text);
}

function showMiddle() {
  const states = [...members.states().values()];
  if (states.length === 0) return;
  const there = states.filter((state) => state === "alive" || state === "leaving").length;
  say(find("middle-count"), there === states.length ? number(there) : `${number(there)}/${number(states.length)}`);
  say(find("middle-text"), there === states.length ? (there === 1 ? "member, alive" : "members, all alive") : "members alive");
}

function showCounts(told) {
  const count = (list, text) => (list.length > 0 ? `${text}: ${number(list.length)}` : text);
  const gone = new Set(told.unavailable);
  say(find("count-missing"), count(told.under_replicated.filter((p) => !gone.has(p)), "lacks a copy"));
  say(find("count-unavailable"), count(told.unavailable, "unavailable"));
  say(find("count-moving"), count(told.moving, "moving"));
}

const WORDS = {
  connecting: "connecting",
  up: "live",
  gateway: "gateway lost",
  nodes: "nodes lost",
  waiting: "not ready",
  refused: "refused",
  token: "token needed",
};

/** The sentence at the top while there is no status: nothing of the network is known, or not now. */
const HEADLINES = {
  connecting: "Connecting to the network…",
  gateway: "The gateway does not answer.",
  nodes: "No node answers the gateway.",
  waiting: "No node is ready.",
  refused: "The nodes refuse to tell how the network is.",
  token: "A token is needed to see the network.",
};

let backTimer = 0;
let isForgotten = false;

/** Say what is lost, since when, and when it is back. */
function showConnection(now, was) {
  if (now.state === "token" && !isForgotten) {
    forgetToken();
    return;
  }
  find("connection").dataset.state = now.state;
  say(find("connection"), WORDS[now.state]);
  document.documentElement.dataset.connection = now.state;
  showHeadline(now.state);
  const since = clock(now.lostAt ?? now.since);
  const text = {
    gateway: `The gateway has not answered since ${since}. What is shown may be old; it is tried again by itself.`,
    nodes: `No node has answered the gateway since ${since}: ${now.detail}. It is tried again by itself.`,
    waiting: `No node is ready since ${since}: ${now.detail}. It is tried again by itself.`,
    refused: `The nodes refuse this: ${now.detail}.`,
    token: `The gateway wants a token: ${now.detail}.`,
  }[now.state];
  if (text) {
    showBanner(now.state, text);
    if (now.state !== was.state) flow.log("lost", text);
  } else if (now.state === "up") {
    const isBack = was.lostAt !== null && was.lostAt !== undefined;
    if (isBack) {
      const back = `All is back since ${clock(new Date())}, after ${duration(Date.now() - was.lostAt)}.`;
      showBanner("up", back);
      flow.log("back", back);
      backTimer = setTimeout(() => (find("banner").hidden = true), BACK_MS);
    } else {
      find("banner").hidden = true;
    }
    keys.load();
    files.load();
  }
  if (now.state === "token") askToken(now.detail);
}

function showHeadline(state) {
  if (!(state in HEADLINES)) return;
  find("sentence").dataset.kind = ["gateway", "nodes", "waiting"].includes(state) ? "danger" : "";
  say(find("sentence"), HEADLINES[state]);
}

function showBanner(state, text) {
  clearTimeout(backTimer);
  const banner = find("banner");
  banner.hidden = false;
  banner.dataset.state = state;
  find("banner-token").hidden = state !== "token" && state !== "refused";
  say(find("banner-text"), text);
}

/** Ask a person whether it is to be done; Escape means no. */
function confirm(question, yes) {
  const dialog = find("question");
  say(find("question-text"), question);
  say(find("question-yes"), yes);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** A token that is none any more is worse than no token, where none is needed. */
async function forgetToken() {
  isForgotten = true;
  try {
    await post("/logout", "");
  } catch (error) {
    if (!(error instanceof Problem) && !(error instanceof Lost)) throw error;
  }
  live.start();
}

function askToken(why) {
  say(find("token-why"), sentence(why));
  tell(find("token-trouble"), "");
  if (!find("token").open) find("token").showModal();
}

async function signIn() {
  const text = find("token-text").value.trim();
  try {
    await post("/login", JSON.stringify({ token: text }), { tries_token: true });
  } catch (error) {
    complain(find("token-trouble"), error);
    return;
  }
  find("token-text").value = "";
  find("token").close();
  // The name of the key alone is kept where scripts see it; the token is in a cookie that they do not.
  localStorage.setItem(NAME, /^gossamer-([a-z]+-[0-9]+)-/.exec(text)?.[1] ?? "");
  showName();
  isForgotten = false;
  live.start();
}

async function signOut() {
  try {
    await post("/logout", "");
  } catch (error) {
    if (error instanceof Lost) return;
    if (!(error instanceof Problem)) throw error;
  }
  localStorage.removeItem(NAME);
  location.reload();
}

const MAY = { reader: "may read", writer: "may read and write", admin: "may do all" };

function showName() {
  const name = localStorage.getItem(NAME) ?? "";
  const may = MAY[name.split("-")[0]];
  say(find("token-name"), name ? `${name}${may ? `, ${may}` : ""}` : "");
  find("sign-out").hidden = !name;
}

find("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn();
});
find("token-not").addEventListener("click", () => find("token").close());
find("banner-token").addEventListener("click", () => askToken("Another token may do more"));
find("sign-out").addEventListener("click", signOut);
onAnswer((what) => {
  if (what !== "token") return;
  localStorage.removeItem(NAME);
  showName();
});

showName();
live.start();

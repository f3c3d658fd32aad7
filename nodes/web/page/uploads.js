// Uploads: a few at a time, each with its progress, and a way to end it. What is refused is said in
// the gateway's words.

import { pathOf, problemOf } from "./api.js";
import { element, find, say, sentence, size } from "./text.js";

const AT_ONCE = 3;
const KEPT_MS = 8_000;
const MOST_TOLD = 20;

export class Uploads {
  /** `done()` is called when one more file is there. */
  constructor(done) {
    this.done = done;
    this.waiting = [];
    this.running = 0;
    addEventListener("beforeunload", (event) => {
      if (this.running > 0) event.preventDefault();
    });
  }

  /** Upload these files, one after the other. */
  add(files) {
    for (const file of files) {
      const upload = new Upload(file, () => this.#forget(upload));
      this.waiting.push(upload);
      find("uploads").append(upload.row);
    }
    const ended = find("uploads").querySelectorAll("[data-state=failed]");
    [...ended].slice(0, -MOST_TOLD).forEach((row) => row.remove());
    this.#next();
  }

  /** Say why something is none. */
  refuse(name, why) {
    const upload = new Upload({ name, size: 0 }, () => undefined);
    upload.end("failed", why);
    find("uploads").append(upload.row);
  }

  #forget(upload) {
    this.waiting = this.waiting.filter((other) => other !== upload);
  }

  async #next() {
    while (this.running < AT_ONCE && this.waiting.length > 0) {
      this.running += 1;
      const upload = this.waiting.shift();
      upload.send().then((isDone) => {
        this.running -= 1;
        if (isDone) this.done();
        this.#next();
      });
    }
  }
}

class Upload {
  constructor(file, forget) {
    this.file = file;
    this.request = null;
    this.bar = element("progress", { max: 1, value: 0, "aria-label": `Upload of ${file.name}` });
    this.told = element("span", { class: "told" }, `waits, ${size(file.size)}`);
    const end = () => {
      forget();
      if (this.row.dataset.state !== "waiting") this.row.remove();
      else if (this.request === null) this.row.remove();
      else this.request.abort();
    };
    const what = { type: "button", class: "quiet", "aria-label": `End or dismiss ${file.name}`, on: { click: end } };
    this.button = element("button", what, "×");
    this.row = element("li", { "data-state": "waiting", "data-name": file.name }, element("b", {}, file.name), this.bar, this.told, this.button);
  }

  end(state, text) {
    this.row.dataset.state = state;
    this.bar.hidden = true;
    say(this.told, text);
    say(find("news"), `${this.file.name}: ${text}`);
    if (state === "done") setTimeout(() => this.row.remove(), KEPT_MS);
  }

  /** Resolves to whether the file is there, when that is known. */
  send() {
    return new Promise((resolve) => {
      const ended = (state, text) => {
        this.end(state, text);
        resolve(state === "done");
      };
      let path = "";
      try {
        path = pathOf("/v1/files/", this.file.name);
      } catch (error) {
        ended("failed", sentence(error.message));
        return;
      }
      const request = new XMLHttpRequest();
      this.request = request;
      request.open("PUT", path);
      request.upload.addEventListener("progress", ({ loaded, total }) => {
        this.bar.value = total ? loaded / total : 0;
        say(this.told, loaded < total ? `${size(loaded)} of ${size(total)}` : "sent; it is being stored");
      });
      request.addEventListener("load", () => {
        if (request.status === 200) ended("done", `uploaded, ${size(this.file.size)}`);
        else ended("failed", sentence(problemOf(request.status, request.responseText).message));
      });
      request.addEventListener("error", () => {
        ended("failed", "The connection broke before there was an answer, or the file cannot be read.");
      });
      request.addEventListener("abort", () => ended("failed", "Ended before it was whole; there is no such upload."));
      request.send(this.file);
    });
  }
}

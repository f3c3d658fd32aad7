// Files: listed in pages, uploaded by choosing them or dropping them anywhere on the page, downloaded
// by a plain link, and removed.

import { askJson, drop, pathOf } from "./api.js";
import { Pages } from "./pages.js";
import { Uploads } from "./uploads.js";
import { clock, complain, day, element, find, size, throttle } from "./text.js";

const EVERY_MS = 2_000;

export class FilesView {
  /** `confirm(question, yes)` asks a person. */
  constructor(confirm) {
    this.confirm = confirm;
    this.counts = "";
    this.pages = new Pages("file", fetchFiles, (item) => this.#row(item), "There are no such files.");
    this.again = throttle(EVERY_MS, () => document.hidden || this.pages.load());
    this.uploads = new Uploads(() => this.again());
    const choose = find("file-choose");
    choose.addEventListener("change", () => {
      this.uploads.add(choose.files);
      choose.value = "";
    });
    this.#acceptDrops();
  }

  load() {
    this.pages.load();
  }

  /** Once the network is better: fetch what could not be. */
  retry() {
    this.pages.retry();
  }

  /** The counts of the status: where they have changed, so may the list. */
  counted({ chunks, size_bytes }) {
    const counts = `${chunks} ${size_bytes}`;
    if (this.counts !== "" && counts !== this.counts) this.again();
    this.counts = counts;
  }

  #row(file) {
    const at = new Date(file.time);
    const name = element("a", { href: pathOf("/v1/files/", file.filename), download: "", "data-item": file.filename }, file.filename);
    const about = `${size(file.size_bytes)}, ${file.type}, ${day(at)} ${clock(at).slice(0, 5)}`;
    const remove = () => this.#remove(file.filename);
    const what = { type: "button", class: "quiet danger", "aria-label": `Remove ${file.filename}…`, on: { click: remove } };
    return element("li", {}, name, element("span", { class: "about" }, about), element("button", what, "Remove…"));
  }

  async #remove(name) {
    if (!(await this.confirm(`Remove the file ${name}?`, "Remove it"))) return;
    try {
      await drop(pathOf("/v1/files/", name));
      await this.pages.load();
    } catch (error) {
      complain(find("file-trouble"), error);
    }
  }

  #acceptDrops() {
    const over = find("drop");
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      over.hidden = false;
    });
    addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) over.hidden = true;
    });
    addEventListener("drop", (event) => {
      over.hidden = true;
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.#drop([...event.dataTransfer.items], [...event.dataTransfer.files]);
    });
  }

  #drop(items, files) {
    const folders = items.map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry?.isDirectory);
    const names = new Set(folders.map(({ name }) => name));
    for (const name of names) this.uploads.refuse(name, "That is a folder: drop the files in it.");
    this.uploads.add(files.filter(({ name }) => !names.has(name)));
  }
}

function fetchFiles(prefix, cursor, limit) {
  return askJson(`/v1/files?${new URLSearchParams({ prefix, cursor: cursor ?? "", limit })}`);
}

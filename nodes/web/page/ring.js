// The ring on the page: two canvases, one that is drawn when the ring or a state changes, and one for
// what passes; and a line below that says who owns the partition that is pointed at.

import { find, number, say } from "./text.js";
import { Pulses } from "./pulses.js";
import { ABSENT, Shape, drawLabels, drawWeb } from "./web.js";

const LARGEST = 720;
/** Of less nothing could be seen, and of nothing there is no circle. */
const LEAST = 120;

export class RingView {
  /** `colours` are the members'; `lights(id)` is told which member is pointed at. */
  constructor(colours, lights) {
    this.memberColours = colours;
    this.lights = lights;
    this.box = find("web");
    this.still = find("web-still");
    this.moving = find("web-moving");
    this.slider = find("partition");
    this.ring = null;
    this.members = [];
    this.states = new Map();
    this.lit = null;
    this.mark = null;
    this.shape = new Shape(300, 0);
    this.redraw = 0;
    this.pulses = new Pulses(this.moving.getContext("2d"), () => this.#scene());
    new ResizeObserver(() => this.#resize()).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#again());
    this.box.addEventListener("pointermove", (event) => this.#pointed(event));
    this.box.addEventListener("pointerleave", () => this.#left());
    this.slider.addEventListener("input", () => {
      this.#look((Number(this.slider.value) + 0.5) / Number(this.slider.max));
    });
    this.slider.addEventListener("blur", () => this.#look(null));
  }

  /** A new ring, as /v1/ring has it. */
  show(ring) {
    this.ring = ring;
    this.slider.max = String(ring.owners.length - 1);
    this.#again();
  }

  /** The states of members by id, which may be newer than those of the ring. */
  showStates(states) {
    this.states = states;
    this.#again();
  }

  /** Light the threads of this member, or of all. */
  light(id) {
    this.lit = id;
    this.#again();
  }

  /** Mark the place of a key that is looked at, or none. */
  markKey(position) {
    this.key = position;
    this.#look(null);
  }

  pulse(kind, position, later_ms = 0) {
    if (this.ring !== null) this.pulses.add(kind, position, later_ms);
  }

  /** The owners of the partition at this place, as ring members. */
  ownersAt(position) {
    if (this.ring === null) return [];
    const partition = Math.floor(position * this.ring.owners.length);
    return (this.ring.owners[partition] ?? []).map((place) => this.ring.members[place]);
  }

  #again() {
    if (this.redraw) return;
    this.redraw = requestAnimationFrame(() => {
      this.redraw = 0;
      this.#draw();
    });
  }

  #resize() {
    const side = Math.min(this.box.clientWidth, LARGEST);
    if (side === this.shape.side || side < LEAST) return;
    this.shape = new Shape(side, this.members.length);
    this.box.classList.toggle("small", this.shape.isSmall);
    const scale = window.devicePixelRatio || 1;
    for (const canvas of [this.still, this.moving]) {
      canvas.width = canvas.height = Math.round(side * scale);
      canvas.style.width = canvas.style.height = `${side}px`;
      canvas.getContext("2d").setTransform(scale, 0, 0, scale, 0, 0);
    }
    this.#draw();
  }

  #draw() {
    const ring = this.ring ?? { members: [], owners: [], moving: [], under_replicated: [], unavailable: [] };
    this.colours = themeColours();
    this.members = ring.members
      .map((member, place) => ({
        ...member,
        place,
        state: this.states.get(member.id) ?? member.state,
        colour: this.memberColours.of(member.id),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    this.shape = new Shape(this.shape.side, this.members.length);
    this.threads = new Map(this.members.map((member, thread) => [member.place, thread]));
    const lit = this.#litMember();
    drawWeb(this.still.getContext("2d"), this.shape, ring, this.members, lit, this.colours);
    this.pulses.draw();
  }

  #litMember() {
    return this.members.find((member) => member.id === this.lit) ?? null;
  }

  #scene() {
    const threadsOf = (position) => {
      const owners = this.ring?.owners ?? [];
      const places = owners[Math.floor(position * owners.length)] ?? [];
      return places.map((place) => {
        const thread = this.threads.get(place);
        const { colour, state } = this.members[thread];
        return { radius: this.shape.radius(thread), colour, isThere: !ABSENT.has(state) };
      });
    };
    // Names stay readable, whatever passes.
    const above = (context) => {
      drawLabels(context, this.shape, this.members, this.#litMember(), this.colours);
    };
    const mark = this.mark ?? this.key ?? null;
    return { shape: this.shape, colours: this.colours, threadsOf, mark, above };
  }

  #pointed(event) {
    if (this.ring === null) return;
    const box = this.still.getBoundingClientRect();
    const { position, radius } = this.shape.place(event.clientX - box.left, event.clientY - box.top);
    const isOver = radius > this.shape.hub && radius < this.shape.centre;
    const thread = this.shape.thread(radius, this.members.length);
    const id = thread < 0 ? null : this.members[thread].id;
    if (id !== this.lit) this.lights(id);
    this.#look(isOver ? position : null);
  }

  #left() {
    this.lights(null);
    this.#look(null);
  }

  /** Tell of the partition at this place, and mark it. */
  #look(position) {
    this.mark = position;
    this.pulses.draw();
    if (position === null || this.ring === null) {
      say(find("partition-owners"), "Point at the ring, or move the slider, to see who owns what.");
      return;
    }
    const partition = Math.floor(position * this.ring.owners.length);
    if (document.activeElement !== this.slider) this.slider.value = String(partition);
    const owners = this.ownersAt(position).map(({ name }) => name);
    const troubles = [
      this.ring.unavailable.includes(partition) ? "unavailable" : "",
      this.ring.under_replicated.includes(partition) ? "lacks a copy" : "",
      this.ring.moving.includes(partition) ? "moving" : "",
    ].filter(Boolean);
    const text = `Partition ${number(partition)}: ${[owners.join(", "), ...troubles].join("; ")}`;
    say(find("partition-owners"), text);
  }
}

/** What the style sheet says of colours, for a canvas. */
function themeColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["paper", "ink", "muted", "line", "accent", "warning", "danger"];
  const colours = names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]);
  return { ...Object.fromEntries(colours), font: style.fontFamily };
}

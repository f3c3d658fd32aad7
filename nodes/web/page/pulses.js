// What passes over the web: a line inwards for a key that was changed, from its place on the rim to
// the threads of its owners, which tremble where it meets them; a sign on the rim for a request.
// Frames are drawn only while there is something to draw.

const LASTS_MS = 1_400;
const STILL_MS = 2_000;
const MOST = 160;
const TREMBLES = 0.035;
const STEPS = 24;
const WAVES = 14;

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Pulses {
  /** `scene()` is what they are drawn over: its shape, colours, threadsOf(position) and mark,
   * and what `above(context)` draws over them. */
  constructor(context, scene) {
    this.context = context;
    this.scene = scene;
    this.passing = [];
    this.frame = 0;
    this.timer = 0;
  }

  /** Show something at a place on the ring, "change", "read", "write" or "failed", `later_ms` from
   * now. */
  add(kind, position, later_ms = 0) {
    if (document.hidden) return;
    if (this.passing.length >= MOST) this.passing.shift();
    this.passing.push({ kind, position, began: performance.now() + later_ms });
    this.draw();
  }

  /** Draw again, at the next frame. */
  draw() {
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now) {
    this.frame = 0;
    const { context } = this;
    const scene = this.scene();
    const lasts = still.matches ? STILL_MS : LASTS_MS;
    this.passing = this.passing.filter((pulse) => now - pulse.began < lasts);
    context.clearRect(0, 0, scene.shape.side, scene.shape.side);
    if (scene.mark !== null) this.#mark(scene);
    for (const pulse of this.passing) {
      if (pulse.began > now && !still.matches) continue;
      // Where nothing is to move, a pulse stands, and then is gone.
      const age = still.matches ? 0.35 : Math.max(0, now - pulse.began) / lasts;
      if (pulse.kind === "change") this.#change(scene, pulse.position, age);
      else this.#request(scene, pulse, age);
    }
    context.globalAlpha = 1;
    scene.above(context);
    if (this.passing.length === 0) return;
    if (!still.matches) this.draw();
    else if (!this.timer) {
      this.timer = setTimeout(() => {
        this.timer = 0;
        this.draw();
      }, STILL_MS / 4);
    }
  }

  #change({ shape, colours, threadsOf }, position, age) {
    const { context } = this;
    const threads = threadsOf(position);
    const deepest = Math.min(shape.rim, ...threads.map(({ radius }) => radius));
    const reach = Math.min(1, age * 3.5);
    const to = shape.rim - (shape.rim - deepest) * reach;
    context.globalAlpha = (1 - age) ** 1.5;
    context.strokeStyle = colours.ink;
    context.lineWidth = 1.2;
    context.beginPath();
    context.moveTo(...shape.at(position, shape.rim + 4));
    context.lineTo(...shape.at(position, to));
    context.stroke();
    for (const { radius, colour, isThere } of threads) {
      if (radius < to - 0.5) continue;
      if (isThere) this.#tremble(shape, position, radius, colours.paper, colour, age);
      this.#knot(shape, position, radius, isThere, colour, 5.5 - 2.5 * age);
    }
  }

  /** A wave that runs along the thread both ways, and dies away. */
  #tremble(shape, position, radius, paper, colour, age) {
    const { context } = this;
    const width = TREMBLES * (0.25 + age);
    const swing = Math.min(11, shape.spacing * 0.45) * (1 - age);
    context.beginPath();
    for (let step = -STEPS; step <= STEPS; step += 1) {
      const along = step / STEPS;
      const still = 1 - along * along;
      const wave = Math.cos(along * WAVES - age * 9) * swing * still;
      context.lineTo(...shape.at(position + along * width, radius + wave));
    }
    for (const [stroke, thick] of [[paper, 5], [colour, 2]]) {
      context.strokeStyle = stroke;
      context.lineWidth = thick;
      context.stroke();
    }
  }

  /** Full where there is somebody to hold it, hollow where there is not. */
  #knot(shape, position, radius, isThere, colour, size) {
    const { context } = this;
    context.fillStyle = context.strokeStyle = colour;
    context.lineWidth = 1.6;
    context.beginPath();
    context.arc(...shape.at(position, radius), size, 0, 2 * Math.PI);
    if (isThere) context.fill();
    else context.stroke();
  }

  #request({ shape, colours }, { kind, position }, age) {
    const { context } = this;
    const [x, y] = shape.at(position, shape.rim + 14);
    const size = kind === "read" ? 2.5 + 5 * age : 4.5;
    context.globalAlpha = 1 - age;
    context.lineWidth = 1.6;
    context.strokeStyle = context.fillStyle = kind === "failed" ? colours.danger : colours.accent;
    context.beginPath();
    if (kind === "read") {
      context.arc(x, y, size, 0, 2 * Math.PI);
      context.stroke();
    } else if (kind === "write") {
      context.moveTo(x, y - size);
      context.lineTo(x + size, y);
      context.lineTo(x, y + size);
      context.lineTo(x - size, y);
      context.fill();
    } else {
      context.moveTo(x - size, y - size);
      context.lineTo(x + size, y + size);
      context.moveTo(x + size, y - size);
      context.lineTo(x - size, y + size);
      context.stroke();
    }
  }

  /** The key that is looked at: its line stays, with a knot on the thread of each owner. */
  #mark({ shape, colours, threadsOf, mark }) {
    const { context } = this;
    const threads = threadsOf(mark);
    const deepest = Math.min(shape.rim, ...threads.map(({ radius }) => radius));
    context.globalAlpha = 1;
    context.strokeStyle = context.fillStyle = colours.accent;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(...shape.at(mark, shape.rim + 16));
    context.lineTo(...shape.at(mark, deepest));
    context.stroke();
    this.#knot(shape, mark, shape.rim + 16, true, colours.accent, 4);
    for (const { radius, colour, isThere } of threads) {
      this.#knot(shape, mark, radius, true, colours.paper, 8);
      this.#knot(shape, mark, radius, isThere, colour, 6);
    }
  }
}

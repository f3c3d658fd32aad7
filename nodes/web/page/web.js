// The ring, drawn as a web: 4,096 partitions round it, clockwise from the top, and a thread round
// the middle for each member, thick where the member is the first owner of a partition, thinner
// where it is the second or third, and not there where it owns nothing. A key is a place on the rim,
// and the line inwards from it meets the threads of its owners.
//
// This file draws what stands; pulses.js what passes.

const TURN = 2 * Math.PI;
const WIDTHS = [0.66, 0.36, 0.16];
const STRENGTHS = [1, 0.8, 0.6];
const WIDEST = 46;
const NARROW = 14;
const RIM = 30;
const SMALL = 420;
const SMALL_RIM = 21;
const SPOKES = 64;
const LABEL = 17;

/** The angle of a place on the ring, from 0 to 1, on a canvas. */
export const angle = (position) => position * TURN - TURN / 4;

/** Sizes of the drawing, in CSS pixels. */
export class Shape {
  constructor(side, threads) {
    this.side = side;
    this.centre = side / 2;
    this.isSmall = side < SMALL;
    this.rim = this.centre - (this.isSmall ? SMALL_RIM : RIM);
    this.hub = this.rim * 0.38;
    this.spacing = Math.min(WIDEST, (this.rim - this.hub - 8) / Math.max(1, threads));
  }

  radius(thread) {
    return this.rim - 8 - this.spacing * (thread + 0.5);
  }

  at(position, radius) {
    const a = angle(position);
    return [this.centre + radius * Math.cos(a), this.centre + radius * Math.sin(a)];
  }

  /** Where a point is: its position on the ring, and its distance from the middle. */
  place(x, y) {
    const [dx, dy] = [x - this.centre, y - this.centre];
    const turn = Math.atan2(dy, dx) / TURN + 0.25;
    return { position: (turn + 1) % 1, radius: Math.hypot(dx, dy) };
  }

  thread(radius, threads) {
    const thread = Math.floor((this.rim - 8 - radius) / this.spacing);
    return thread >= 0 && thread < threads ? thread : -1;
  }
}

/** The runs of partitions of which this holds, as pairs of places on the ring. */
export function* runs(count, holds) {
  let from = -1;
  for (let p = 0; p <= count; p += 1) {
    const is = p < count && holds(p);
    if (is && from < 0) from = p;
    if (!is && from >= 0) {
      yield [from / count, p / count];
      from = -1;
    }
  }
}

/** Draw the web of a ring. `members` are in the order of their threads, each with name, state,
 * colour, and its `place` in the ring's list; `lit` is one of them or null. */
export function drawWeb(context, shape, ring, members, lit, colours) {
  context.clearRect(0, 0, shape.side, shape.side);
  drawFrame(context, shape, colours);
  members.forEach((member, thread) => {
    drawThread(context, shape, ring, member, thread, lit, colours);
  });
  drawTroubles(context, shape, ring, colours);
}

/** Draw the names of members on their threads, where there is room. */
export function drawLabels(context, shape, members, lit, colours) {
  if (shape.spacing < LABEL) return;
  members.forEach((member, thread) => drawLabel(context, shape, member, thread, lit, colours));
}

function drawFrame(context, shape, colours) {
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.beginPath();
  for (let spoke = 0; spoke < SPOKES; spoke += 1) {
    context.moveTo(...shape.at(spoke / SPOKES, shape.hub));
    context.lineTo(...shape.at(spoke / SPOKES, shape.rim));
  }
  context.stroke();
  context.strokeStyle = colours.muted;
  context.lineWidth = 1;
  context.beginPath();
  context.arc(shape.centre, shape.centre, shape.rim, 0, TURN);
  context.stroke();
}

/** In these states nothing that is written gets to a member. */
export const ABSENT = new Set(["dead", "stopped", "left"]);

function drawThread(context, shape, ring, member, thread, lit, colours) {
  const radius = shape.radius(thread);
  const isAbsent = ABSENT.has(member.state);
  const isDoubtful = member.state === "suspect" || member.silent;
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.beginPath();
  context.arc(shape.centre, shape.centre, radius, 0, TURN);
  context.stroke();
  const covers = lit !== null && lit !== member && ABSENT.has(lit.state);
  const strength = isAbsent ? 0.34 : isDoubtful ? 0.7 : 1;
  WIDTHS.forEach((width, rank) => {
    const own = (p) => ring.owners[p][rank] === member.place;
    const lights = covers ? (p) => own(p) && ring.owners[p].includes(lit.place) : own;
    const full = strength * STRENGTHS[rank];
    const pale = lit === null || lit === member ? full : 0.14;
    strokeArcs(context, shape, ring, radius, width, own, member.colour, pale);
    if (covers) strokeArcs(context, shape, ring, radius, width, lights, member.colour, full);
  });
  if (isAbsent || isDoubtful) drawCuts(context, shape, radius, isAbsent ? 5 : 2, colours);
}

function strokeArcs(context, shape, ring, radius, width, holds, colour, strength) {
  // Of many members each owns little: what it does is drawn as wide as can be seen.
  const isNarrow = shape.spacing < NARROW;
  const least = isNarrow ? 1 / (TURN * radius) : 0;
  context.globalAlpha = strength;
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1, shape.spacing * width * (isNarrow ? 1.4 : 1));
  context.beginPath();
  for (const [from, to] of runs(ring.owners.length, holds)) {
    context.moveTo(...shape.at(from, radius));
    context.arc(shape.centre, shape.centre, radius, angle(from), angle(Math.max(to, from + least)));
  }
  context.stroke();
  context.globalAlpha = 1;
}

/** What is not there is cut into pieces: few cuts for doubt, many for absence. */
function drawCuts(context, shape, radius, cut, colours) {
  context.strokeStyle = colours.paper;
  context.lineWidth = shape.spacing * 0.72;
  context.setLineDash([cut, 9 - cut + 1]);
  context.beginPath();
  context.arc(shape.centre, shape.centre, radius, 0, TURN);
  context.stroke();
  context.setLineDash([]);
}

/** Outside of the rim: a short comb where a copy is missing, a solid band where too few are there,
 * dots where data moves. */
function drawTroubles(context, shape, ring, colours) {
  const count = ring.owners.length;
  const missing = new Set(ring.under_replicated);
  const unavailable = new Set(ring.unavailable);
  const moving = new Set(ring.moving);
  const track = (holds, from, width, colour, dash) => {
    context.strokeStyle = colour;
    context.lineWidth = width;
    const radius = shape.rim + from + width / 2;
    for (const [start, end] of runs(count, holds)) {
      // A mark is as wide as can be seen, however narrow the partition.
      const least = 1.5 / (TURN * radius);
      context.setLineDash(end - start > 4 * least ? dash : []);
      context.beginPath();
      context.arc(shape.centre, shape.centre, radius, angle(start), angle(Math.max(end, start + least)));
      context.stroke();
    }
    context.setLineDash([]);
  };
  track((p) => missing.has(p) && !unavailable.has(p), 4, 6, colours.warning, [1.5, 2.5]);
  track((p) => unavailable.has(p), 4, 9, colours.danger, []);
  track((p) => moving.has(p), 16, 3, colours.accent, [3, 4]);
}

const SIGNS = { alive: "●", suspect: "▲", dead: "✕", stopped: "■", leaving: "➜", left: "✕" };

function drawLabel(context, shape, member, thread, lit, colours) {
  context.font = `600 12px ${colours.font}`;
  const text = `${SIGNS[member.state] ?? ""} ${cut(member.name, 18)}`;
  const width = context.measureText(text).width + 14;
  const [x, y] = [shape.centre, shape.centre - shape.radius(thread)];
  const isPale = lit !== null && lit !== member;
  context.fillStyle = colours.paper;
  context.strokeStyle = isPale ? colours.line : member.colour;
  context.lineWidth = 1.5;
  context.beginPath();
  context.roundRect(x - width / 2, y - LABEL / 2, width, LABEL, LABEL / 2);
  context.fill();
  context.stroke();
  context.fillStyle = isPale ? colours.muted : colours.ink;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, x, y + 0.5);
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

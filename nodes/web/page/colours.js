// Each member has a colour of its own, the same wherever and whenever the page is opened as long as
// the members are: the id names a place among the colours, and of two with the same place the
// second takes the next that is free. None is told by its colour alone.

const FEW = 8;
const ALL = 12;

export class Colours {
  constructor() {
    this.places = new Map();
  }

  /** Take up these members; those that have a colour keep it. */
  take(ids) {
    for (const id of this.places.keys()) if (!ids.includes(id)) this.places.delete(id);
    const count = ids.length <= FEW ? FEW : ALL;
    for (const id of [...ids].sort()) {
      if (this.places.has(id)) continue;
      const used = new Set(this.places.values());
      let place = parseInt(id.slice(0, 8), 16) % count || 0;
      for (let tried = 0; used.has(place) && tried < count; tried += 1) {
        place = (place + 1) % count;
      }
      this.places.set(id, place);
    }
  }

  /** The custom property of the style sheet that has it. */
  property(id) {
    return `--member-${this.places.get(id) ?? 0}`;
  }

  /** The colour itself, in the scheme that is light or dark now. */
  of(id) {
    return getComputedStyle(document.documentElement).getPropertyValue(this.property(id)).trim();
  }
}

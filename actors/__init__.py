"""What a node decides: given what arrived and what time it is, an actor says what to send.

Nothing here touches a socket, a thread, a disk, a clock or a log, so the same code runs a node on
ZeroMQ and, unchanged, a whole network in a deterministic simulator. `nodes/` does what is decided
here.

In reading order:

- `actor`: the contract of one method, `turn`, and the envelopes that go in and come out of it;
- `messages`: everything that can be said, one frozen dataclass each;
- `versions`, `membership`, `shared`, `errors`: the values in them, and which of two is the later;
- `ring`: who owns a key;
- `router`: coordinates a client's reads and writes, with `jobs` (what clients wait for) and `asks`
  (what it waits for itself);
- `storage`: keeps what it is told, and says so when it is on the disk;
- `gossiper`: who is in the network, and what everybody should know. Its parts, each of which puts
  what is to be sent into the `outbox` and what is to be remembered into the `memory`:
  - `entering` and `joining` (how a network begins, and lets others in), `arriving`, `departing`;
  - `farewell`: how others are told that a node goes;
  - `intake`: news of members as it comes; `announcing`: what the rest of the node is told of it;
  - `detector` and `suspicion`: who is down;
  - `rumours`, `neighbours`, `push_pull` and `digests`: how news gets to everybody;
  - `sharing`, `shared`, `shared_table`, `clocks_apart`: small values that every node holds;
  - `watchers`: clients that wait for changes;
- `session`: the client's side of it;
- `window` and `sizes`: what was seen before, and what fits into a message.
"""

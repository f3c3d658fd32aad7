"""What a node decides: given what arrived and what time it is, an actor says what to send.

Nothing here touches a socket, a thread, a disk, a clock or a log, so the same code runs a node on
ZeroMQ and, unchanged, a whole network in a deterministic simulator. `nodes/` does what is decided
here.

In reading order:

- `actor`: the contract of one method, `turn`, and the envelopes that go in and come out of it;
- `messages`: everything that can be said, one frozen dataclass each;
- `versions`, `membership`, `errors`: the values in them, and which of two is the later one;
- `router`: coordinates a client's reads and writes;
- `storage`: keeps what it is told, and says so when it is on the disk;
- `gossiper`: who is in the network.
"""

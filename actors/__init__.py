"""What a node decides: given what arrived and what time it is, an actor says what to send.

Nothing here touches a socket, a thread, a disk, a clock or a log, so the same code runs a node on
ZeroMQ and, unchanged, a whole network in a deterministic simulator. `nodes/` does what is decided
here.

In reading order:

- `actor`: the contract of one method, `turn`, and the envelopes that go in and come out of it;
- `messages`: everything that can be said, one frozen dataclass each;
- `versions`, `membership`, `shared`, `errors`: the values in them, and which of two is the later;
- `ring`, `layout` and `quorum`: who owns a key, and how many owners have to agree;
- `router`: coordinates what clients ask, with `jobs` (what they wait for), `client_keys` (what they
  call a key), `refusing` (what it does not take on), `admission` (whose turn it is) and `asks`
  (what it waits for itself). Its parts, over a `desk` that they share: `writing`, `reading`
  (its `read_parts`; `hedging`: of whom), `listing`, `healing` and `checking` (what people ask);
  `closing`: when it may go; `router_settings`: its numbers;
- `storage`: a replica, which says what it keeps when that is on the `disk`. Its parts, which put
  what is to be written on the `stage`, and tell nothing but inside the `fence`:
  - `steward`: which layout there is. In the order in which one comes about: `census`, `wishes` and
    `striking` (what is wished), `proposer` and `acceptor` (what is decided), `catching_up` (how all
    hear of it), `moving` (how far the data has moved); and `greeting` (is this node what it was?);
  - `syncing`: takes what this replica lacks, found by `merkle` hashes in `trees` and those of a
    `tree_server`; `merging` (of what something may be lacking), `pulling`, `repeats`, `throttle`;
  - `hinting`: what others lack; `expiring`, `collecting`, `shedding`: what may go;
  - `referring`: which chunks of files are referred to here;
  - `storage_settings`: its numbers;
- `gossiper`: who is in the network, and what everybody should know. Its parts, each of which puts
  what is to be sent into the `outbox` and what is to be remembered into the `memory`:
  - `entering` and `joining` (how a network begins, and lets others in), `arriving`, `departing`;
  - `farewell`: how others are told that a node goes; `forgetting`: one that is down for good;
    `meant`: whom people name;
  - `intake`: news of members as it comes; `announcing`: what the rest of the node is told of it;
  - `detector` and `suspicion`: who is down;
  - `rumours`, `hearing`, `neighbours`, `push_pull` and `digests`: how news gets to everybody;
  - `sharing`, `shared`, `shared_table`, `clocks_apart`: small values that every node holds;
    `denials`: among them, which clients' keys are denied;
  - `watchers` and `listed`: clients that wait for changes, or want the list of members;
  - `gossip_settings`: its numbers;
- `fileserver`: files, in `chunks` on the `chunk_store`, under `names` that are admitted with
  content that agrees (`formats` by their extensions, and what `contents` are by their bytes); the
  keys of their manifests have a place of their own (`spaces`). Its parts, over a `file_desk` that
  they share and with `errands` to others:
  - `keeping` (what is on the own disk) and `list_references`; `placing`, `fetching` and `filing`:
    what clients ask;
  - `inquiry` (is a chunk needed?), `mending`, `scrubbing`, `straying`: all owners have what they
    should; `sweeping`: what may go;
  - `file_settings`: its numbers;
- `permissions`: what a key may do, by its role (`roles`);
- `session`: the client's side of it, with the `answers` that there are; for files also `uploading`
  and `downloading`, over `requests` that are made again until there is no progress;
- `window`, `sizes` and `hexadecimal`: what was seen before, what fits into a message, and what ids
  are made of.
"""

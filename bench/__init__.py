"""What a node and a network cost, measured against others on the same machine in the same minutes.

The machine's own speed cancels out of a ratio, and what is measured in turns meets the same noise.

In reading order:

- `samples`, `figures`: what was timed, and the bounds that figures are held against;
- `process`, `machine`: the processes that are measured, and what they take of the machine;
- `bench`, `echo`, `calls`, `commit`, `report`: a node against a bare ZeroMQ echo;
- `gossip`, `gossip_report`: how gossip scales, in simulated networks;
- `peers`, `peers_report`: three nodes beside three of `peer_redis` and three of `peer_etcd`, whose
  protocols are in `resp` and `http`;
- `million`, `million_report`: a `network` that takes in and holds a million keys;
- `repair`, `repair_report`: what two replicas `exchange` until they are equal;
- `curve`, `curve_report`: what encryption costs, next to what it costs a `bare` ZeroMQ.
"""

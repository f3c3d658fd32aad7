"""What a node costs, measured against a bare ZeroMQ echo on the same machine in the same minutes.

The machine's own speed cancels out of a ratio, and what is measured in turns meets the same noise.

In reading order:

- `bench`: what is measured, and in which order;
- `echo`: the yardstick;
- `calls`: a client's gets and puts;
- `machine`: the disk's rate, the time of an import, what an idle process takes;
- `process`: the processes that are measured, ended with the one that measures;
- `report`: the targets, and the figures as tables and as JSON.
"""

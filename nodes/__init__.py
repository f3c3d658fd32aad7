"""What a node does: threads, sockets, disk, clocks, logs, the client and the command line.

It runs the actors of `actors/`, which decide; nothing there imports anything from here.
"""

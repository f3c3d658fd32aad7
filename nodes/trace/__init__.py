"""A request's path over nodes and actors: written down by the hosts, rebuilt from their logs.

`fields` is what a host writes of a traced envelope. The rest reads it back, in this order:
`reading` (lines of logs to records), `spans` (records to messages on their way), `clocks` (how far
those of the machines are apart), `tree` (what is told, and what is missing), `picture` (the tree in
a terminal).
"""

"""HTTP in front of a client: what curl, browsers and Prometheus reach. See `nodes.gateway`.

Nothing here keeps anything: each request is one of a client's, answered with what the nodes say.
"""

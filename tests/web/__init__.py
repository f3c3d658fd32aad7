"""The gateway: HTTP in front of real nodes."""

"""Asking one host for one address: guards, connections, framing, robots, manners."""

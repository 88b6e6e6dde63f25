"""Which split a kept image is in: what stays together, what has its share everywhere, and what is held apart."""

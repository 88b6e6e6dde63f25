"""Likeness as the mill and its users meet it."""

"""Verbs of the command line that have options of their own: each module adds its parser and does its work."""

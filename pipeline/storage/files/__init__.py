"""Files of this machine that are whole or absent, its cache, and what clients of file systems raise."""

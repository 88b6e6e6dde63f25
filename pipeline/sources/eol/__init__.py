"""Encyclopedia of Life: the media manifest and the Dynamic Hierarchy."""

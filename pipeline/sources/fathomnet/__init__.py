"""FathomNet: images from its API, COCO exports, and dumps."""

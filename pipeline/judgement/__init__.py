"""What becomes of images that arrived: likeness decided whole, for its stage and for a fetch that asks on."""

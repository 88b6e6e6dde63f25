"""Camera traps: Camtrap DP, COCO Camera Traps, LILA BC."""

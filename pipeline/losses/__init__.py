"""What a run loses, why, and what changes it; the losses that no run may call success."""

"""What looks odd in a run, by place, season, size and the like: a queue for a person, never a decision."""

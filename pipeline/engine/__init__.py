"""Running one Beam pipeline on any runner, its work units, interrupts, and what it costs."""

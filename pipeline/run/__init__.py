"""Driving a run: the output folder, the engine that runs Beam, the driver, and status."""

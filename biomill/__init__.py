"""Public biodiversity records into training data: the public face of the packages beside it."""

"""What a release is: the contract of a source, its archive, and the note beside it."""

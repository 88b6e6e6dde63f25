"""The whole pipeline over real release files that lie beside the repository: a corpus made of them, and its web."""

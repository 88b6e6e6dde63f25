"""The desk: pages on loopback on which a person looks at a run and gives verdicts."""

"""Tables that people write: keys and names of taxa, with every fault said."""

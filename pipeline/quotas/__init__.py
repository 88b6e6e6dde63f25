"""How many images of each taxon are kept, and which: floors, caps, tempered quotas, thinning, balance, diversity."""

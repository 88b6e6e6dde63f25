"""Which records a run chooses: the rules of its recipe as SQL, their taxa, sample and limit, and what is said of it."""

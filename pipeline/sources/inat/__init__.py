"""iNaturalist open data, and BioTrove, which is made of it."""

"""From a provider's values to the columns of a record."""

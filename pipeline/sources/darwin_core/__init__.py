"""Darwin Core Archives, and what GBIF publishes."""

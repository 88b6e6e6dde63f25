"""Media that lie in folders, archives and object stores."""

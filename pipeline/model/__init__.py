"""What a row is and what may become of it: the schema, outcomes, ids, rights, keys, errors. Imports no other room."""

-- The view of pipeline/embed/view.py.

-- name: view
-- A set is finished when its mark is there; others are left out, and so is one whose folder is gone.
CREATE VIEW embeddings AS
SELECT string_split(filename, '/')[-2] AS name, key, model, vector
FROM read_parquet({'parts'}, filename = true)
WHERE string_split(filename, '/')[-2] IN (SELECT string_split(file, '/')[-2] FROM glob({'marks'}))

-- What a card counts in the catalog of a run.

-- name: licences
-- Images by licence, and whether all of them may be shared.
SELECT coalesce(license_id, 'unknown') AS licence, count(*) AS images,
       bool_and(coalesce(may_share, false))
FROM samples GROUP BY 1 ORDER BY images DESC, licence

-- name: datasets
-- The data sets of most images, where a source is made of several.
SELECT source, dataset_key, coalesce(publisher, ''), images FROM datasets WHERE dataset_key <> ''
ORDER BY images DESC, source, dataset_key LIMIT 20

-- What a card counts in the catalog of a run. `kept`: the manifest of its shards, which needs no join.

-- name: licences
-- Images by licence, and whether all of them may be shared.
SELECT coalesce(m.license_id, 'unknown') AS licence, count(*) AS images,
       bool_and(coalesce(r.may_share, false))
FROM records r JOIN {kept} m USING (record_id) GROUP BY 1 ORDER BY images DESC, licence

-- name: builds
-- The taxonomies that kept images are labelled by.
SELECT DISTINCT taxonomy_build FROM names SEMI JOIN {kept} USING (name_id) ORDER BY 1

-- name: datasets
-- The data sets of most images, where a source is made of several.
SELECT source, dataset_key, coalesce(publisher, ''), images FROM datasets WHERE dataset_key <> ''
ORDER BY images DESC, source, dataset_key LIMIT 20

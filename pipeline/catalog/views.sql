-- The catalog's views. Paths are relative to the run's folder, so that the folder can be moved.
-- A line `--| view: meaning` documents a view, `--| view.column: meaning` one of its columns.

--| outcomes: Every way in which an input row can end.
--| outcomes.outcome: code, as in the ledger
--| outcomes.stage: the stage that gives it
--| outcomes.retryable: whether fetching again can change it
--| outcomes.meaning: the outcome in one sentence

--| origins: Where each input row stands in the release files: file, row and byte offset.
--| origins.row_id: the record, or the row that never became one
--| origins.locator_file: file of the release, with ! before a zip member
--| origins.locator_row: row in that file, from 1, headers not counted
--| origins.locator_offset: byte offset of the row; -1 when the format has none
CREATE VIEW origins AS
SELECT record_id AS row_id, source, locator_file, locator_row, locator_offset
FROM read_parquet('ingest/records/*.parquet')
UNION ALL
SELECT row_id, source, locator_file, locator_row, locator_offset FROM read_parquet('ingest/ended/*.parquet');

--| records: The canonical records, one row = one record x one medium x at most one box.
--| records.issues: what was odd about the row, as codes; LABEL_CONFLICT: its medium bears different accepted taxa
CREATE VIEW records AS
SELECT r.* EXCLUDE (locator_file, locator_row, locator_offset)
       REPLACE (CASE WHEN l.record_id IS NULL THEN r.issues ELSE list_sort(list_append(r.issues, 'LABEL_CONFLICT')) END
                AS issues)
FROM read_parquet('ingest/records/*.parquet') r
LEFT JOIN (SELECT DISTINCT record_id FROM read_parquet('screen/media_records/*.parquet') WHERE label_conflict) l
     USING (record_id)
LEFT JOIN read_parquet('screen/candidates/*.parquet') c USING (record_id)
WHERE c.record_id IS NULL OR (r.locator_file = c.locator_file AND r.locator_row = c.locator_row);

--| names: Every distinct name with its hints, and what it was resolved to.
CREATE VIEW names AS
SELECT * FROM read_parquet('resolve/names/*.parquet')
UNION ALL BY NAME SELECT * FROM read_parquet('likeness/labels/*.parquet');

--| media: Every image that was asked for: where it came from, how it ended, its size and hashes.
CREATE VIEW media AS
SELECT image_id, media_id, host, address, outcome, detail, bytes, sha256, format, source_width, source_height, width,
       height, phash, lower(hex(pdq)) AS pdq, quality, pixel_sha256
FROM read_parquet('fetch/media/*.parquet');

--| ledger: One row per input row: how it ended, and why.
--| ledger.row_id: the record, or the row that never became one
--| ledger.source: source in the recipe
--| ledger.stage: the stage in which it ended
--| ledger.outcome: kept, or the reason
--| ledger.evidence: rule, values and thresholds, as JSON
--| ledger.other_id: the other record or held-out item involved
--| ledger.raw: up to 2 KB of a row that could not be read
CREATE VIEW ledger AS
SELECT row_id, source, 'ingest' AS stage, outcome, evidence, other_id, raw FROM read_parquet('ingest/ended/*.parquet')
UNION ALL SELECT row_id, source, 'screen', outcome, evidence, other_id, raw FROM read_parquet('screen/ledger/*.parquet')
UNION ALL SELECT row_id, source, 'fetch', outcome, evidence, other_id, raw FROM read_parquet('fetch/ledger/*.parquet')
UNION ALL SELECT row_id, source, 'likeness', outcome, evidence, other_id, raw FROM read_parquet('likeness/ledger/*.parquet')
UNION ALL SELECT row_id, source, 'select', outcome, evidence, other_id, raw FROM read_parquet('select/ledger/*.parquet')
UNION ALL SELECT record_id, source, 'shards', 'kept', NULL, NULL, NULL FROM read_parquet('shards/manifest.parquet');

--| media_records: All records, of all sources, of every medium that several records name, and how each ended.
--| media_records.kept_id: the record that speaks for the medium; null when none may
--| media_records.label_conflict: its records were resolved to different taxa
--| media_records.outcome: how this record ended
CREATE VIEW media_records AS
SELECT m.media_key, m.record_id, m.source, m.kept_id, m.label_conflict, l.stage, l.outcome
FROM read_parquet('screen/media_records/*.parquet') m JOIN ledger l ON l.row_id = m.record_id;

--| attempts: Every address that was tried for a record whose medium could not be had at its own.
--| attempts.place: 0 is the record's own address, the alternates of its medium follow
--| attempts.outcome: null where the medium was had
CREATE VIEW attempts AS SELECT * FROM read_parquet('fetch/attempts/*.parquet');

--| funnel: The ledger, counted: rows per stage, outcome and source.
--| funnel.place: order of the stages
CREATE VIEW funnel AS
SELECT list_position(['ingest', 'screen', 'fetch', 'likeness', 'select', 'shards'], stage) AS place,
       stage, outcome, source, count(*) AS rows
FROM ledger GROUP BY ALL ORDER BY place, stage, outcome, source;

--| samples: What is in the shards: image, labels, rights, split, and where its bytes lie.
--| samples.key: name of the sample's members in the shard
--| samples.offset: byte offset of the sample's first tar header in the shard
--| samples.length: bytes of the sample in the shard, headers and padding included
--| samples.weight: 1 / sqrt(kept images of the taxon), for balanced sampling
CREATE VIEW samples AS
SELECT m.key, m.record_id, m.source, m.split, m.weight, m.group_id, m.shard, m."offset", m."length", m.sha256 AS jpeg_sha256,
       m.width, m.height, n.accepted_id, n.accepted_name, n.accepted_rank, n.kingdom, n.phylum, n."class", n."order",
       n.family, n.genus, n.species, n.vernacular_name, n.match_type, n.taxonomy_build,
       r.scientific_name, r.source_record_id, r.source_media_id, r.box_id, r.occurrence_key, r.media_url, r.media_path,
       r.media_key, r.license_id, r.license_family, r.may_share, r.may_change, r.may_sell, r.rights_holder, r.creator,
       r.source_page, r.basis_of_record,
       r.image_category, r.event_date, r.lat, r.lon, r.country_code, r.sex, r.life_stage, r.dna_bin,
       m.image_id, f.sha256 AS source_sha256, f.phash, f.pdq, f.quality, f.source_width, f.source_height
FROM read_parquet('shards/manifest.parquet') m
JOIN records r USING (record_id)
JOIN names n ON n.name_id = m.name_id
JOIN media f USING (image_id);

--| taxa: Accepted taxa with their lineage and the number of images kept, per split.
CREATE VIEW taxa AS
SELECT accepted_id, any_value(accepted_name) AS accepted_name, any_value(accepted_rank) AS accepted_rank,
       any_value(kingdom) AS kingdom, any_value(phylum) AS phylum, any_value("class") AS "class",
       any_value("order") AS "order", any_value(family) AS family, any_value(genus) AS genus,
       any_value(species) AS species, any_value(vernacular_name) AS vernacular_name,
       count(*) AS images, count(*) FILTER (split = 'train') AS train, count(*) FILTER (split = 'val') AS val,
       count(DISTINCT source) AS sources
FROM samples GROUP BY accepted_id ORDER BY images DESC, accepted_name;

--| clusters: Records that are alike: who stayed, who went, and at what distance.
--| clusters.cluster_id: the preferred record of the cluster
CREATE VIEW clusters AS SELECT * FROM read_parquet('likeness/clusters/*.parquet');

--| leaks: Records that would have leaked a held-out image, with the item and the distance.
CREATE VIEW leaks AS
SELECT record_id, source, benchmark, item, rule, distance, variant FROM read_parquet('likeness/leaks/*.parquet')
UNION ALL
SELECT row_id, source, other_id, NULL, CASE outcome WHEN 'leak_id' THEN 'id' ELSE 'species' END, NULL, NULL
FROM ledger WHERE outcome IN ('leak_id', 'leak_species');

--| benchmarks: Held-out items: what each is compared by, and which could not be covered.
CREATE VIEW benchmarks AS
SELECT benchmark, item, sha256, pixel_sha256, phash, quality, media_key, record_key, spec, outcome,
       outcome IS NULL AND pdq IS NOT NULL AS hashed
FROM read_parquet('holdout/items/*.parquet');

--| held_taxa: Taxa that benchmarks of unseen species hold out, and the accepted species behind each.
--| held_taxa.species_id: null where the taxon is above the species, or not in the taxonomy: nothing is held out by it
CREATE VIEW held_taxa AS SELECT * FROM read_parquet('screen/held_taxa/*.parquet');

--| leak_unknown: Images that no hash can tell from a held-out one, and what the recipe decided.
CREATE VIEW leak_unknown AS SELECT * FROM read_parquet('likeness/unknown/*.parquet');

--| likeness_groups: Records that share an occurrence, a specimen or a medium, or are alike: they never straddle a split.
--| likeness_groups.key: what is shared; for images that are alike, the first record of the cluster
CREATE VIEW likeness_groups AS SELECT * FROM read_parquet('likeness/groups/*.parquet');

--| quarantine: Records of one image under taxa that exclude each other, set aside for review.
CREATE VIEW quarantine AS SELECT * FROM read_parquet('likeness/quarantine/*.parquet');

--| decisions: Split and weight of every record that was selected.
CREATE VIEW decisions AS SELECT * FROM read_parquet('select/decisions/*.parquet');

--| licences: Kept images per licence and source.
CREATE VIEW licences AS
SELECT coalesce(license_id, 'unknown') AS license_id, source, count(*) AS images
FROM samples GROUP BY ALL ORDER BY images DESC, license_id, source;

--| hosts: What every host answered.
CREATE VIEW hosts AS
SELECT host, coalesce(outcome, 'ok') AS outcome, count(*) AS images FROM media GROUP BY ALL ORDER BY host, images DESC;

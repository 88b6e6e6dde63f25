-- The tables of a finished run of any number of kept images, drawn from numbers: the same count gives the same rows.
-- Row i is kept below {images}; the others ended, as many as half of those. A draw is a hash of a row's number.

-- name: macros
CREATE OR REPLACE MACRO id(kind, i) AS md5(kind || i)[:8] || '-' || md5(kind || i)[9:12] || '-5'
  || md5(kind || i)[14:16] || '-8' || md5(kind || i)[18:20] || '-' || md5(kind || i)[21:32];
CREATE OR REPLACE MACRO draw(kind, i) AS (hash(kind || i) % 1_000_003) / 1_000_003;
CREATE OR REPLACE MACRO first_of(most, kind, i) AS floor(most ** draw(kind, i))::BIGINT - 1;

-- name: rows
-- Taxa, creators and hosts are drawn so that the n-th has a share of 1/n.
CREATE OR REPLACE TABLE rows AS
SELECT i, i < {images} AS kept, first_of({taxa}, 'taxon', i) AS taxon, first_of({creators}, 'creator', i) AS creator,
       first_of(60, 'host', i) AS host,
       ['gbif', 'gbif', 'gbif', 'gbif', 'eol', 'bioscan', 'fathomnet'][1 + i % 7] AS source,
       ['CC-BY-NC', 'CC-BY-NC', 'CC-BY', 'CC0', 'CC-BY-SA', 'CC-BY-NC-SA', 'CC-BY-NC-ND', 'CC-BY-ND'][
         1 + first_of(8, 'licence', i)] AS licence,
       CASE WHEN i < {images} THEN 'kept' ELSE (
         ['no_media', 'licence_unknown', 'name_unresolved', 'rank_too_high', 'same_medium', 'gone', 'not_an_image',
          'blocked', 'near_duplicate', 'near_duplicate', 'exact_duplicate', 'over_quota', 'leak_hamming',
          'label_conflict'])[1 + (hash('outcome' || i) % 14)::INT] END AS outcome,
       floor({images} ** draw('copied', i))::BIGINT - 1 AS copied
FROM range({images} + {images} // 2) t(i)

-- name: stages
CREATE OR REPLACE MACRO stage_of(outcome) AS CASE
  WHEN outcome = 'kept' THEN 'shards' WHEN outcome = 'no_media' THEN 'ingest'
  WHEN outcome = 'over_quota' THEN 'select'
  WHEN outcome IN ('gone', 'not_an_image', 'blocked') THEN 'fetch'
  WHEN outcome IN ('near_duplicate', 'exact_duplicate', 'leak_hamming', 'label_conflict') THEN 'likeness'
  ELSE 'screen' END

-- name: records
SELECT id('r', i) AS record_id, source, 'release of ' || source AS release, i::VARCHAR AS source_record_id,
       '' AS box_id,
       (i // 2)::VARCHAR AS occurrence_key, source || '-' || (i % 300) AS dataset_key,
       'publisher ' || (i % 90) AS publisher, 'https://host-' || host || '.example/' || i AS media_url,
       'url:' || i AS media_key, licence AS license_family, licence || '-4.0' AS license_id,
       licence NOT LIKE '%ND' AS may_share, true AS may_change, licence NOT LIKE '%NC%' AS may_sell,
       CASE WHEN i % 5 > 0 THEN 'observer ' || creator END AS creator, 'n' || name AS name_id,
       'Genus' || (taxon // 4) || ' species' || taxon AS scientific_name,
       CASE WHEN i % 11 = 0 THEN NULL WHEN i % 997 = 0 THEN '0000-00-00' WHEN i % 17 = 0 THEN year::VARCHAR
            ELSE printf('%d-%02d-%02d', year, 1 + (12 * sqrt(draw('month', i)))::INT % 12, 1 + i % 28)
       END AS event_date,
       CASE WHEN i % 6 > 0 THEN greatest(-90, least(90, 60 - spot % 110 + 12 * draw('lat', i))) END AS lat,
       CASE WHEN i % 6 > 0 THEN greatest(-180, least(180, spot * 73 % 350 - 175 + 16 * draw('lon', i))) END AS lon,
       CASE WHEN i % 3 > 0 THEN ['US', 'DE', 'BR', 'AU', 'ZA', 'IN', 'JP', 'MX'][1 + spot % 8] END AS country_code,
       []::VARCHAR[] AS issues, 'occurrence.txt' AS locator_file, i + 1 AS locator_row, 800 * i AS locator_offset
FROM (SELECT *, first_of(300, 'spot', i) AS spot, 2026 - first_of(60, 'year', i) AS year,
             CASE WHEN outcome = 'name_unresolved' THEN {taxa} + {taxa} // 5 + taxon // 5
                  WHEN i % 7 = 0 THEN {taxa} + taxon // 5 ELSE taxon END AS name
      FROM rows WHERE outcome <> 'no_media')

-- name: names
-- A name a taxon, synonyms and others that were matched in their own ways for every fifth, and as many of no taxon.
SELECT 'n' || n AS name_id, 'Genus' || (taxon // 4) || ' species' || taxon || if(n = taxon, '', ' var. ' || n)
         AS scientific_name, 'scientific' AS name_kind,
       CASE WHEN open THEN if(n % 9 = 0, 'AMBIGUOUS', 'NONE') WHEN n = taxon THEN if(n % 3 = 0, 'CANONICAL', 'EXACT')
            ELSE ['FUZZY', 'GENUS', 'HIGHER_RANK', 'STEM', 'LCA'][1 + n % 5] END AS match_type,
       CASE WHEN NOT open THEN if(n = taxon, 'accepted', 'synonym') END AS taxonomic_status,
       CASE WHEN NOT open THEN 'x:' || taxon END AS accepted_id,
       CASE WHEN NOT open THEN 'species' END AS accepted_rank,
       CASE WHEN NOT open THEN 'Genus' || (taxon // 4) || ' species' || taxon END AS accepted_name,
       CASE WHEN n = taxon THEN 100 WHEN NOT open THEN 80 + n % 20 END AS confidence,
       CASE WHEN n % 40 = 0 THEN 'another ' || n END AS runner_up_name, []::VARCHAR[] AS issues,
       sha256('t') AS taxonomy_build
FROM (SELECT n, CASE WHEN n < {taxa} THEN n ELSE (n - {taxa}) * 5 % {taxa} END AS taxon,
             n >= {taxa} + {taxa} // 5 + 1 AS open
      FROM range({taxa} + 2 * ({taxa} // 5) + 2) t(n))

-- name: candidates
SELECT id('r', i) AS record_id, source, id('m', i) AS image_id, 'n' || taxon AS name_id,
       'occurrence.txt' AS locator_file, i + 1 AS locator_row
FROM rows WHERE stage_of(outcome) NOT IN ('ingest', 'screen')

-- name: arrived
SELECT id('r', i) AS record_id, source, id('m', i) AS image_id FROM rows
WHERE stage_of(outcome) IN ('likeness', 'select', 'shards')

-- name: media
-- Pictures are those of the model: the bytes of its n-th image.
SELECT id('m', i) AS image_id, id('w', i) AS media_id, 'host-' || host || '.example' AS host,
       CASE WHEN stage_of(rows.outcome) = 'fetch' THEN rows.outcome END AS outcome, sha256('s' || i) AS sha256,
       'JPEG' AS format,
       (2 ** (7 + 6 * draw('wide', i)))::INTEGER AS source_width,
       (2 ** (7 + 6 * draw('wide', i)) * 1.9 ** (1.2 - 2 * draw('high', i)))::INTEGER AS source_height,
       (100 * sqrt(draw('quality', i)))::SMALLINT AS quality, unhex(sha256('q' || i)) AS pdq,
       p.unit, p."offset", p."length"
FROM rows JOIN pictures p ON p.n = i % (SELECT count(*) FROM pictures)
WHERE stage_of(rows.outcome) NOT IN ('ingest', 'screen')

-- name: ended
SELECT id('r', i) AS row_id, source, outcome, '{"rule": "drawn"}' AS evidence,
       CASE WHEN outcome LIKE '%duplicate' THEN id('r', copied) END AS other_id
FROM rows WHERE NOT kept AND stage_of(outcome) = {'stage'}

-- name: clusters
-- What went, and the images that stayed for them.
SELECT id('r', i) AS record_id, source, id('r', copied) AS cluster_id, outcome, id('r', copied) AS other_id,
       CASE WHEN outcome = 'near_duplicate' THEN json_object('distance', 2 * (i % 6), 'residual',
         round(6 * draw('residual', i), 3), 'rule', 'hamming')::VARCHAR END AS evidence
FROM rows WHERE outcome LIKE '%duplicate'
UNION ALL BY NAME
SELECT id('r', i) AS record_id, source, id('r', i) AS cluster_id, 'kept' AS outcome FROM rows
WHERE i IN (SELECT copied FROM rows WHERE outcome LIKE '%duplicate')

-- name: leaks
SELECT id('r', i) AS record_id, source, b.benchmark, b.item, 'hamming' AS rule,
       (i % 31)::INTEGER AS distance, 0 AS variant
FROM rows JOIN held b ON b.n = i % (SELECT count(*) FROM held) WHERE outcome = 'leak_hamming'

-- name: quarantine
SELECT id('r', i) AS record_id, source, id('m', i) AS image_id, id('m', i // 50) AS cluster_id,
       'x:' || taxon AS accepted_id
FROM rows WHERE outcome = 'label_conflict'

-- name: manifest
-- Every taxon is of a genus of four and a family of eight; of forty classes a few have most of the families.
SELECT replace(id('r', i), '-', '') AS key, id('r', i) AS record_id, source, id('m', i) AS image_id,
       p.shard, p.jpg_offset, p.jpg_length, p.sha256, 'x:' || taxon AS accepted_id, id('g', i // 2) AS group_id,
       'n' || taxon AS name_id,
       CASE WHEN hash('split' || (i // 2)) % 20 = 0 THEN 'val' ELSE 'train' END AS split, 1.0 AS weight,
       'Genus' || (taxon // 4) || ' species' || taxon AS accepted_name, 'species' AS accepted_rank,
       ['Animalia', 'Animalia', 'Plantae', 'Fungi'][1 + class % 4] AS kingdom, 'Phylum' || (class // 4) AS phylum,
       'Class' || class AS "class", 'Order' || (taxon // 32) AS "order", 'Familia' || (taxon // 8) || 'idae' AS family,
       'Genus' || (taxon // 4) AS genus, 'Genus' || (taxon // 4) || ' species' || taxon AS species,
       licence || '-4.0' AS license_id
FROM (SELECT *, first_of(40, 'class', taxon // 8) AS "class" FROM rows WHERE kept) rows
JOIN samples p ON p.n = i % (SELECT count(*) FROM samples) ORDER BY key

-- The catalog's views. Paths are relative to the run's folder, so that the folder can be moved.
-- A line `--| view: meaning` documents a view, `--| view.column: meaning` one of its columns, and `--| *.column:` the
-- columns of that name that have no line of their own; what is a column of the records has its comment from there.
-- A line `--@ view: stage` says with which stage a view begins to be there; without one it is the last that it reads.
-- A union stands on the left of the next one, because DuckDB 1.1 to 1.3 lose rows when one on the right is fetched.
-- [m]anifest is a pattern, because DuckDB looks for a name without one in the folder where it was started first.

--| *.image_id: id of the image: a medium, or the part of it inside one box
--| *.media_id: id of the medium, from the address of its bytes
--| *.host: host of the address, or the local store
--| *.address: URL, or place in a local store, that the bytes came from
--| *.outcome: how it ended, as a code of outcomes
--| *.stage: the stage in which it ended
--| *.detail: what host or decoder said, in words
--| *.bytes: size of the medium as it came
--| *.sha256: SHA-256 of the bytes as they came
--| *.format: image format of the bytes as they came
--| *.source_width: width of the image or crop before it was made smaller, in pixels
--| *.source_height: height of the image or crop before it was made smaller, in pixels
--| *.width: width of the stored image in pixels
--| *.height: height of the stored image in pixels
--| *.phash: 64-bit perceptual hash (imagehash's pHash), in hex
--| *.pdq: 256-bit PDQ hash, in hex
--| *.quality: PDQ quality from 0 to 100; a flat image's hash says little
--| *.pixel_sha256: SHA-256 of the decoded pixels
--| *.canonical_name: the name without authorship, as it was parsed
--| *.name_kind: kind of string: scientific, hybrid, OTU, placeholder, ...
--| *.match_type: how the name was matched: EXACT, by fallback to a higher rank, or not at all
--| *.taxonomic_status: status of the matched usage: accepted, synonym, ...
--| *.usage_id: key of the matched usage
--| *.usage_name: name of the matched usage
--| *.accepted_id: key of the accepted usage: the taxon
--| *.accepted_name: canonical name of the accepted usage
--| *.accepted_rank: rank of the accepted usage
--| *.kingdom_id: key of the accepted usage's kingdom
--| *.phylum_id: key of the accepted usage's phylum
--| *.class_id: key of the accepted usage's class
--| *.order_id: key of the accepted usage's order
--| *.family_id: key of the accepted usage's family
--| *.genus_id: key of the accepted usage's genus
--| *.species_id: key of the accepted usage's species
--| *.vernacular_language: language of the common name, ISO 639-3
--| *.confidence: how sure the match is, from 0 to 100
--| *.n_candidates: number of usages that the name could have meant
--| *.runner_up_id: key of the usage that came second
--| *.runner_up_name: name of the usage that came second
--| *.hint_agreement: whether each higher name that the source gave agrees with the match, as JSON
--| *.taxonomy_build: digest of the taxonomy that names were matched against
--| *.benchmark: benchmark of the recipe that the item is held out for
--| *.item: the held-out image, by its name or key in the benchmark
--| *.rule: by which rule the two are the same: bytes, pixels, hamming or id
--| *.distance: Hamming distance of the two PDQ hashes; null when another rule applies
--| *.variant: which of the eight mirrored and turned variants is alike; 0 is the image as it is
--| *.group_id: what never straddles a split: images of one occurrence, medium or cluster
--| *.split: train or val, or a split that the recipe names
--| *.weight: 1 / sqrt(kept images of the taxon), for balanced sampling
--| *.images: number of images
--| *.rows: number of rows
--| *.evidence: rule, values and thresholds, as JSON
--| *.other_id: the other record or held-out item involved
--| *.key: name of the sample: its members in the shard are KEY.jpg, KEY.txt, KEY.json
--| *.shard: file name of the shard
--| *.data_generalizations: dwc:dataGeneralizations, what was made less exact of lat and lon; null where nothing was

--| outcomes: Every way in which an input row can end.
--| outcomes.outcome: code, as in the ledger
--| outcomes.stage: the stage that gives it
--| outcomes.retryable: whether fetching again can change it
--| outcomes.meaning: the outcome in one sentence

--| privacy: What the recipe says of places: the row that the views read.
--| privacy.coordinates: exact, 0.1 or none
--| privacy.threatened: list of the taxa that it holds for; empty: for all

--| places: Records whose coordinates are generalised or withheld, where a list of threatened taxa is given.
--| places.reason: taxon: its own is on the list; name: reads like one; occurrence, medium, address, specimen, alike: shared
--| places.other_id: the record that it shares something with
CREATE VIEW places AS SELECT * FROM read_parquet('select/places/*.parquet');

--| threatened: The taxa of the list, and what the taxonomy says they are.
--| threatened.taxon: as the list writes it
--| threatened.match_type: ID, or how the name was matched
--| threatened.accepted_id: null where the taxonomy does not resolve it: then it is compared by its letters
CREATE VIEW threatened AS SELECT * FROM read_parquet('select/threatened/*.parquet');

--| withdrawals: The keys of the recipe's lists of withdrawals, and how many records each means.
--| withdrawals.kind: column of the list that holds the key
--| withdrawals.value: the key, as the list writes it
--| withdrawals.source: source that the key is limited to; empty: all
--| withdrawals.reason: as the list says
--| withdrawals.date: as the list says
--| withdrawals.file: the list, as the recipe names it
--| withdrawals.records: records of the run that the key means; 0: none
CREATE VIEW withdrawals AS SELECT * FROM read_parquet('screen/withdrawals/*.parquet');

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
--@ records: ingest
--| records.lat: dwc:decimalLatitude, as the recipe's [privacy] lets it be told; null when absent, impossible or withheld
--| records.lon: dwc:decimalLongitude, as the recipe's [privacy] lets it be told; null when absent, impossible or withheld
--| records.issues: what was odd about the row, as codes; LABEL_CONFLICT: its medium bears different accepted taxa
--| records.coordinate_uncertainty_m: dwc:coordinateUncertaintyInMeters of coordinates that are told as they are
--| records.location_key: key of a camera, deployment, plot or site, unique in its dataset; null where the place is kept back
--| records.sequence_key: key of a burst of a camera trap, unique in its dataset; null where the place is kept back
--| records.individual_key: key of one individual, unique in its dataset; null where the place is kept back
--| records.country_verbatim: dwc:countryCode or dwc:country, verbatim; null where the place is kept back
CREATE VIEW records AS
SELECT * EXCLUDE (locator_file, locator_row, locator_offset, told, rounded, conflict)
       REPLACE (CASE WHEN conflict THEN list_sort(list_append(issues, 'LABEL_CONFLICT')) ELSE issues END AS issues,
                CASE WHEN told THEN r.lat WHEN rounded THEN floor(r.lat * 10 + 0.5) / 10 + 0.0 END AS lat,
                CASE WHEN told THEN r.lon WHEN rounded THEN floor(r.lon * 10 + 0.5) / 10 + 0.0 END AS lon,
                CASE WHEN told THEN coordinate_uncertainty_m END AS coordinate_uncertainty_m,
                CASE WHEN told THEN location_key END AS location_key,
                CASE WHEN told THEN sequence_key END AS sequence_key,
                CASE WHEN told THEN individual_key END AS individual_key,
                CASE WHEN told THEN country_verbatim END AS country_verbatim),
       CASE WHEN told OR r.lat IS NULL THEN NULL WHEN rounded THEN 'coordinates rounded to 0.1 degree'
            ELSE 'coordinates withheld' END AS data_generalizations
FROM (SELECT r.*, l.record_id IS NOT NULL AS conflict, v.coordinates = '0.1' AS rounded,
             v.coordinates = 'exact' OR (v.threatened <> '' AND t.listed AND w.record_id IS NULL) AS told
      FROM read_parquet('ingest/records/*.parquet') r
      CROSS JOIN privacy v
      CROSS JOIN (SELECT count(*) > 0 AS listed FROM read_parquet('select/threatened/*.parquet')) t
      LEFT JOIN read_parquet('select/places/*.parquet') w ON w.record_id = r.record_id
      LEFT JOIN (SELECT DISTINCT record_id FROM read_parquet('screen/media_records/*.parquet') WHERE label_conflict) l
           ON l.record_id = r.record_id
      LEFT JOIN read_parquet('screen/candidates/*.parquet') c ON c.record_id = r.record_id
      WHERE c.record_id IS NULL OR (r.locator_file = c.locator_file AND r.locator_row = c.locator_row)) r;

--| names: Every distinct name with its hints, and what it was resolved to.
--@ names: resolve
--| names.kingdom: kingdom of the accepted usage
--| names.phylum: phylum of the accepted usage
--| names.class: class of the accepted usage
--| names.order: order of the accepted usage
--| names.family: family of the accepted usage
--| names.genus: genus of the accepted usage
--| names.species: species of the accepted usage, as a binomial
--| names.vernacular_name: common name of the accepted usage
--| names.issues: what was odd about the name, as codes
--| names.usage_rank: rank of the matched usage
--| names.edit_distance: letters by which a name matched by spelling differs
--| names.name_score: points for the name, of those that chose the candidate
--| names.author_score: points for the authorship
--| names.classification_score: points for the hints on higher ranks
--| names.rank_score: points for the rank
--| names.status_score: points for the status of the usage
CREATE VIEW names AS
SELECT * FROM read_parquet('resolve/names/*.parquet')
UNION ALL BY NAME SELECT * FROM read_parquet('likeness/labels/*.parquet');

--| media: Every image that was asked for: where it came from, how it ended, its size and hashes.
--| media.colours: many, few (at most 256, as a palette holds) or grey
--| media.sharpness: variance of the Laplacian of the luma of 127 x 127 pixels
--| media.brightness: mean of the luma, 0 to 255
--| media.contrast: standard deviation of the luma
--| media.colourfulness: Hasler and Suesstrunk (2003), M3: 0 of a grey picture
--| media.entropy: bits of the histogram of the luma, 0 to 8
--| media.border_share: share of the picture in uniform borders, 0 to 1
--| media.pixels: source_width x source_height
--| media.aspect: the longer side by the shorter one, as it came
CREATE VIEW media AS
SELECT m.image_id, m.media_id, m.host, m.address,
       CASE WHEN p.image_id IS NULL THEN m.outcome ELSE 'placeholder' END AS outcome,
       coalesce(g.sentence, m.detail) AS detail, m.bytes, m.sha256, m.format, m.source_width, m.source_height, m.width,
       m.height, m.phash, lower(hex(m.pdq)) AS pdq, m.quality, m.colours, m.sharpness, m.brightness, m.contrast,
       m.colourfulness, m.entropy, m.border_share, m.source_width::BIGINT * m.source_height AS pixels,
       greatest(m.source_width, m.source_height) / least(m.source_width, m.source_height) AS aspect, m.pixel_sha256
FROM read_parquet('fetch/media/*.parquet') m
LEFT JOIN read_parquet('fetch/placeholders/*.parquet') p ON p.image_id = m.image_id
LEFT JOIN read_parquet('fetch/placeholder_groups/*.parquet') g
     ON g.rule = p.rule AND g.host = p.host AND g.value = p.value;

--| placeholders: Pictures that a host gave in the place of others, one row per host and picture, with the evidence.
--| placeholders.rule: same bytes, same final address, or listed: the recipe names the bytes
--| placeholders.value: SHA-256 of the bytes, or the final address
--| placeholders.addresses: addresses of the host that were answered so
--| placeholders.images: images that this evidence speaks of, boxes among them
--| placeholders.genera: different genera that were asked for at these addresses
--| placeholders.taxa: some of the accepted taxa, in alphabetical order
--| placeholders.examples: some of the addresses, in alphabetical order
--| placeholders.image_id: one image of them, in media
--| placeholders.sentence: the evidence in words
CREATE VIEW placeholders AS SELECT * FROM read_parquet('fetch/placeholder_groups/*.parquet');

--| ledger: One row per input row: how it ended, and why.
--@ ledger: ingest
--| ledger.row_id: the record, or the row that never became one
--| ledger.source: source in the recipe
--| ledger.stage: the stage in which it ended
--| ledger.outcome: kept, or the reason
--| ledger.evidence: rule, values and thresholds, as JSON
--| ledger.other_id: the other record or held-out item involved
--| ledger.raw: up to 2 KB of a row that could not be read; null where the recipe keeps places back
CREATE VIEW ledger AS
SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (
SELECT row_id, source, 'ingest' AS stage, outcome, evidence, other_id,
       CASE WHEN (SELECT coordinates FROM privacy) = 'exact' THEN raw END AS raw
FROM read_parquet('ingest/ended/*.parquet')
UNION ALL SELECT row_id, source, 'screen', outcome, evidence, other_id, raw FROM read_parquet('screen/ledger/*.parquet'))
UNION ALL SELECT row_id, source, 'fetch', outcome, evidence, other_id, raw FROM read_parquet('fetch/ledger/*.parquet'))
UNION ALL SELECT row_id, source, 'likeness', outcome, evidence, other_id, raw FROM read_parquet('likeness/ledger/*.parquet'))
UNION ALL SELECT row_id, source, 'select', outcome, evidence, other_id, raw FROM read_parquet('select/ledger/*.parquet'))
UNION ALL SELECT record_id, source, 'shards', 'kept', NULL, NULL, NULL FROM read_parquet('shards/[m]anifest.parquet');

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
--| samples.jpg_offset: byte offset of the JPEG itself in the shard
--| samples.jpg_length: bytes of the JPEG
--| samples.kingdom: kingdom of the accepted usage
--| samples.phylum: phylum of the accepted usage
--| samples.class: class of the accepted usage
--| samples.order: order of the accepted usage
--| samples.family: family of the accepted usage
--| samples.genus: genus of the accepted usage
--| samples.species: species of the accepted usage, as a binomial
--| samples.vernacular_name: common name of the accepted usage
--| samples.sharpness: variance of the Laplacian of the luma of 127 x 127 pixels
--| samples.brightness: mean of the luma, 0 to 255
--| samples.contrast: standard deviation of the luma
--| samples.colourfulness: Hasler and Suesstrunk (2003), M3: 0 of a grey picture
--| samples.entropy: bits of the histogram of the luma, 0 to 8
--| samples.border_share: share of the picture in uniform borders, 0 to 1
--| samples.jpeg_sha256: SHA-256 of the stored JPEG
--| samples.source_sha256: SHA-256 of the medium's bytes as they came
CREATE VIEW samples AS
SELECT m.key, m.record_id, m.source, m.split, m.weight, m.group_id, m.shard, m."offset", m."length", m.jpg_offset, m.jpg_length,
       m.sha256 AS jpeg_sha256,
       m.width, m.height, n.accepted_id, n.accepted_name, n.accepted_rank, n.kingdom, n.phylum, n."class", n."order",
       n.family, n.genus, n.species, n.vernacular_name, n.match_type, n.taxonomy_build,
       r.scientific_name, r.source_record_id, r.source_media_id, r.box_id, r.occurrence_key, r.media_url, r.media_path,
       r.media_key, r.license_id, r.license_family, r.may_share, r.may_change, r.may_sell, r.rights_holder, r.creator,
       r.source_page, r.basis_of_record,
       r.image_category, r.event_date, r.event_year, r.event_month, r.event_time, r.recorded_by,
       r.quality_grade, r.lat, r.lon, r.coordinate_uncertainty_m, r.data_generalizations, r.country_code, r.sex, r.life_stage, r.individual_key,
       r.sequence_key, r.location_key, r.dna_bin,
       m.image_id, f.sha256 AS source_sha256, f.phash, f.pdq, f.quality, f.sharpness, f.brightness,
       f.contrast, f.colourfulness, f.entropy, f.border_share, f.source_width, f.source_height
FROM read_parquet('shards/[m]anifest.parquet') m
JOIN records r USING (record_id)
JOIN names n ON n.name_id = m.name_id
JOIN media f USING (image_id);

--| taxa: Accepted taxa with their lineage and the number of images kept, per split.
--| taxa.kingdom: kingdom of the accepted usage
--| taxa.phylum: phylum of the accepted usage
--| taxa.class: class of the accepted usage
--| taxa.order: order of the accepted usage
--| taxa.family: family of the accepted usage
--| taxa.genus: genus of the accepted usage
--| taxa.species: species of the accepted usage, as a binomial
--| taxa.vernacular_name: common name of the accepted usage
--| taxa.train: images in the training split
--| taxa.val: images in the validation split
--| taxa.sources: number of sources that its images come from
CREATE VIEW taxa AS
SELECT accepted_id, any_value(accepted_name) AS accepted_name, any_value(accepted_rank) AS accepted_rank,
       any_value(kingdom) AS kingdom, any_value(phylum) AS phylum, any_value("class") AS "class",
       any_value("order") AS "order", any_value(family) AS family, any_value(genus) AS genus,
       any_value(species) AS species, any_value(vernacular_name) AS vernacular_name,
       count(*) AS images, count(*) FILTER (split = 'train') AS train, count(*) FILTER (split = 'val') AS val,
       count(DISTINCT source) AS sources
FROM read_parquet('shards/[m]anifest.parquet') GROUP BY accepted_id ORDER BY images DESC, accepted_name;

--| split_taxa: Images kept of each accepted taxon in each split.
--| split_taxa.groups: groups of like or related images that they are of
CREATE VIEW split_taxa AS
SELECT accepted_id, any_value(accepted_name) AS accepted_name, split, count(*) AS images,
       count(DISTINCT group_id) AS groups
FROM read_parquet('shards/[m]anifest.parquet') GROUP BY accepted_id, split ORDER BY accepted_id, split;

--| clusters: Records that are alike: who stayed, who went, and at what distance.
--| clusters.cluster_id: the preferred record of the cluster
CREATE VIEW clusters AS SELECT * FROM read_parquet('likeness/clusters/*.parquet');

--| leaks: Records that would have leaked a held-out image, with the item and the distance; placeholders are among them.
--| leaks.phash_distance: distance of the two pHashes, where a rule compares both hashes; else -1, or null without an image
CREATE VIEW leaks AS
SELECT row_id AS record_id, source, other_id AS benchmark, NULL::VARCHAR AS item,
       CASE outcome WHEN 'leak_id' THEN 'id' ELSE 'species' END AS rule, NULL::INTEGER AS distance, NULL::INTEGER AS variant,
       NULL::INTEGER AS phash_distance
FROM ledger WHERE outcome IN ('leak_id', 'leak_species')
UNION ALL
SELECT record_id, source, benchmark, item, rule, distance, variant, phash_distance
FROM read_parquet('likeness/leaks/*.parquet');

--| benchmarks: Held-out items: what each is compared by, and which could not be covered.
--| benchmarks.sha256: SHA-256 of the held-out file
--| benchmarks.media_key: key of the medium, held out by id
--| benchmarks.record_key: source and record key, held out by id
--| benchmarks.spec: how the hashes were made
--| benchmarks.outcome: why the item could not be hashed; null when it was
--| benchmarks.hashed: whether the item is compared by its hash
CREATE VIEW benchmarks AS
SELECT benchmark, item, sha256, pixel_sha256, phash, quality, media_key, record_key, spec, outcome,
       outcome IS NULL AND pdq IS NOT NULL AS hashed
FROM read_parquet('holdout/items/*.parquet');

--| held_taxa: Taxa that benchmarks of unseen species hold out, and the accepted species behind each.
--| held_taxa.species_id: null where the taxon is above the species, or not in the taxonomy: nothing is held out by it
--| held_taxa.taxon: the name that the benchmark lists
CREATE VIEW held_taxa AS SELECT * FROM read_parquet('screen/held_taxa/*.parquet');

--| leak_unknown: Images that no hash can tell from a held-out one, and what the recipe decided.
--| leak_unknown.reason: why no hash can clear the image
--| leak_unknown.decision: drop or keep, as the recipe's likeness.leak_unknown says
CREATE VIEW leak_unknown AS SELECT * FROM read_parquet('likeness/unknown/*.parquet');

--| likeness_groups: Records that share an occurrence, a specimen or a medium, or are alike: they never straddle a split.
--| likeness_groups.key: what is shared; for images that are alike, the first record of the cluster
--| likeness_groups.kind: whether an occurrence, a specimen or a medium is shared, or the images are alike
CREATE VIEW likeness_groups AS SELECT * FROM read_parquet('likeness/groups/*.parquet');

--| quarantine: Records of one image under taxa that exclude each other, set aside for review.
--| quarantine.cluster_id: the preferred record of the cluster of like images
CREATE VIEW quarantine AS SELECT * FROM read_parquet('likeness/quarantine/*.parquet');

--| decisions: Split and weight of every record that was selected.
CREATE VIEW decisions AS SELECT * FROM read_parquet('select/decisions/*.parquet');

--| licences: Kept images per licence and source.
--| licences.license_id: SPDX id, or LicenseRef-...; unknown where none is stated
CREATE VIEW licences AS
SELECT coalesce(license_id, 'unknown') AS license_id, source, count(*) AS images
FROM read_parquet('shards/[m]anifest.parquet') GROUP BY ALL ORDER BY images DESC, license_id, source;

--| hosts: What every host answered.
--| hosts.outcome: how it ended, as a code of outcomes; ok: the image arrived
CREATE VIEW hosts AS
SELECT host, coalesce(outcome, 'ok') AS outcome, count(*) AS images FROM media GROUP BY ALL ORDER BY host, images DESC;

--| releases: Every release that was read: its records, and how many of its images were kept.
--| releases.records: canonical records of the release
CREATE VIEW releases AS
SELECT r.source, r.release, count(*) AS records, count(s.record_id) AS images
FROM records r LEFT JOIN read_parquet('shards/[m]anifest.parquet') s USING (record_id) GROUP BY ALL ORDER BY ALL;

--| datasets: Kept images per dataset of origin, as GBIF asks for when a derived dataset is registered.
CREATE VIEW datasets AS
SELECT r.source, r.release, r.dataset_key, any_value(r.publisher ORDER BY r.publisher) AS publisher, count(*) AS images
FROM records r JOIN read_parquet('shards/[m]anifest.parquet') m USING (record_id)
GROUP BY r.source, r.release, r.dataset_key ORDER BY ALL;

--| attribution: Whom to name for every image in the shards, and under which licence.
--| attribution.credit: one line that credits the image
CREATE VIEW attribution AS
SELECT m.key, m.shard, m.source, r.release, r.source_record_id, r.source_media_id, r.dataset_key, r.publisher,
       r.scientific_name, m.accepted_name, r.creator, r.rights_holder, m.license_id, r.license_verbatim,
       r.source_page, r.media_url, r.media_key, r.occurrence_key,
       concat_ws(', ', m.accepted_name, coalesce(nullif(r.creator, ''), nullif(r.rights_holder, ''), 'creator not stated'),
                 coalesce(m.license_id, 'licence not stated'),
                 coalesce(nullif(r.source_page, ''), nullif(r.media_url, ''), m.source || ' ' || r.source_record_id))
       AS credit
FROM records r JOIN read_parquet('shards/[m]anifest.parquet') m USING (record_id);

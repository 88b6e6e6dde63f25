-- The catalog's table macros: questions with an argument. A line `--| name(): meaning` documents a macro.

--| funnel(): The funnel over all sources: rows per stage and outcome, their share of the input, and what it means.
CREATE MACRO funnel() AS TABLE
SELECT f.stage, f.outcome, sum(f.rows)::BIGINT AS rows,
       round(100 * sum(f.rows) / sum(sum(f.rows)) OVER (), 2) AS percent, o.meaning
FROM funnel f LEFT JOIN outcomes o USING (outcome)
GROUP BY f.place, f.stage, f.outcome, o.meaning ORDER BY f.place, f.stage, f.outcome;

--@ why: resolve
--| why(): How one row ended and why: its place in the release, its name, its evidence and, if kept, its shard.
CREATE MACRO why(id) AS TABLE
SELECT l.row_id, l.source, l.stage, l.outcome, o.meaning, l.evidence, l.other_id, g.locator_file, g.locator_row,
       n.scientific_name, n.accepted_name, n.match_type, m.shard, m."offset"
FROM ledger l
LEFT JOIN outcomes o USING (outcome)
LEFT JOIN origins g ON g.row_id = l.row_id
LEFT JOIN records r ON r.record_id = l.row_id
LEFT JOIN names n USING (name_id)
LEFT JOIN read_parquet('shards/[m]anifest.parquet') m ON m.record_id = l.row_id
WHERE l.row_id = id ORDER BY ALL;

--| images_per_taxon(): Kept images of every taxon of a rank, kingdom to species; 'accepted' for the accepted taxon.
CREATE MACRO images_per_taxon(rank) AS TABLE
SELECT taxon, in_kingdom, sum(images)::BIGINT AS images, count(*) AS accepted_taxa
FROM (SELECT images, kingdom AS in_kingdom,
             CASE rank WHEN 'kingdom' THEN kingdom WHEN 'phylum' THEN phylum WHEN 'class' THEN "class"
                       WHEN 'order' THEN "order" WHEN 'family' THEN family WHEN 'genus' THEN genus
                       WHEN 'species' THEN species WHEN 'accepted' THEN accepted_name
                       ELSE error('no such rank: ' || rank) END AS taxon
      FROM taxa)
WHERE taxon IS NOT NULL GROUP BY taxon, in_kingdom ORDER BY images DESC, taxon, in_kingdom;

--| capped(): Keys of at most n images per accepted taxon, chosen by their SHA-256, so that the choice stays the same.
CREATE MACRO capped(n) AS TABLE
SELECT key, accepted_id FROM samples
QUALIFY row_number() OVER (PARTITION BY accepted_id ORDER BY jpeg_sha256, key) <= n;

--| rare(): Accepted taxa with fewer than n kept images: the long tail.
CREATE MACRO rare(n) AS TABLE
SELECT accepted_id, accepted_name, accepted_rank, images FROM taxa WHERE images < n ORDER BY images, accepted_name;

--| lost_by(): What ended with one outcome, per source, with the evidence of its first row.
CREATE MACRO lost_by(code) AS TABLE
SELECT source, stage, count(*) AS rows, min(row_id) AS for_example, arg_min(evidence, row_id) AS its_evidence
FROM ledger WHERE outcome = code GROUP BY ALL ORDER BY ALL;

-- Images of taxa above their quota, with what they shall differ by.

-- name: pool
-- Of each taxon the first records in the seeded order.
CREATE OR REPLACE TEMP TABLE quota_pool AS
SELECT taxon, record_id, turn{values} FROM (
  SELECT taxon, record_id, quota, row_number() OVER (PARTITION BY taxon ORDER BY quota_order(record_id)) AS turn
  FROM quota_rows JOIN quota_taxa USING (taxon))
{joins} WHERE turn <= greatest({fewest}, {pool} * quota)

-- name: of_taxon
SELECT * EXCLUDE (taxon, turn) FROM quota_pool WHERE taxon = {'taxon'} ORDER BY turn

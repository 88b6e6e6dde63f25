-- How rows end before a byte is fetched.

-- name: ledger
SELECT source, 'ingest' AS stage, outcome, evidence, other_id FROM {ingest}
UNION ALL SELECT source, 'screen', outcome, evidence, other_id FROM {screen}

-- name: ended
-- Rows by source, stage and outcome.
SELECT source, stage, outcome, count(*) FROM {ledger} GROUP BY ALL ORDER BY ALL

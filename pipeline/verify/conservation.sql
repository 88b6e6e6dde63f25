-- Outcomes in the ledger of a run.

-- name: of_another_stage
-- Rows that a stage ended with an outcome of another.
SELECT l.row_id, l.stage, l.outcome FROM ledger l JOIN outcomes o USING (outcome)
WHERE l.outcome <> 'kept' AND l.stage <> o.stage ORDER BY 1

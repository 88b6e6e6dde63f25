-- Which samples an export takes.

-- name: chosen
-- The keys that a question gives, with the reason why a sample may not leave. The question stands on lines of its own,
-- as it may end with a comment.
CREATE TEMP TABLE chosen AS
SELECT key, CASE WHEN key IN (SELECT key FROM withdrawn_keys) THEN {'withdrawn'}
                 ELSE {refusal} END AS reason FROM samples
WHERE key IN (SELECT key FROM (
{question}
))

-- What a run asks of its stages to say what it loses.

-- name: not_covered
-- Benchmarks most of whose images ended, and the outcome that most of these have.
SELECT benchmark, count(*), count(outcome), mode(outcome ORDER BY outcome) FROM {items}
GROUP BY 1 HAVING 2 * count(outcome) > count(*) ORDER BY 1

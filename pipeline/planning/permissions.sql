-- What the licences of the candidates permit.

-- name: families
SELECT family, count(*), may_share, may_change, may_sell FROM planned
GROUP BY ALL ORDER BY 2 DESC, 1, 3, 4, 5

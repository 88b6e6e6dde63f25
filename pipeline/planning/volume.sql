-- Declared pixels of what would be fetched and stored.

-- name: fetched
-- Media by source, how many declare their size, and their pixels together.
SELECT source, count(*), count(width), coalesce(sum(width * height), 0) FROM planned_media
WHERE first GROUP BY 1

-- name: stored
-- Images by source, the pixels of those that are made smaller and of those that are stored as they are, and how many
-- declare no size. A box states its own. `bound`: the side that the rules bound.
SELECT source, count(*), coalesce(sum(w * h * ({side} / {bound}) ** 2) FILTER ({bound} > {side}), 0),
       coalesce(sum(w * h) FILTER ({bound} <= {side}), 0), count(*) FILTER (w IS NULL)
FROM (SELECT source, first, coalesce(box_w, width)::DOUBLE AS w, coalesce(box_h, height)::DOUBLE AS h FROM planned)
WHERE first GROUP BY 1 ORDER BY 1

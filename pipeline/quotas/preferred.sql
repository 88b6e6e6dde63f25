-- What the order of preference asks that is more than a column.

-- name: rarity
-- How many images the taxon has in the same cell of one degree; NULL where the place is not known.
CASE WHEN r.lat IS NOT NULL AND r.lon IS NOT NULL THEN
  count(*) OVER (PARTITION BY n.taxon, floor(r.lat), floor(r.lon)) END

-- name: declared_pixels
-- The size that a record declares; one that no picture has, or that is not decoded, is none.
CASE WHEN least(r.media_width, r.media_height) > 0 AND r.media_width::BIGINT * r.media_height <= {most}
     THEN -(r.media_width::BIGINT * r.media_height) END

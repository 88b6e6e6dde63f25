-- The boxes of what leaves with an export, and the frame of every sample.

-- name: columns
-- Columns of a sample: its own box, and all boxes of its frame, the own one first.
width, height, source_width, source_height, b.box_x AS own_x, b.box_y AS own_y,
(SELECT list({'class_id': o.class_id, 'key': o.key, 'x': o.box_x, 'y': o.box_y, 'w': o.box_w, 'h': o.box_h}
             ORDER BY o.key <> samples.key, o.key) FROM boxes o WHERE o.media_id = m.media_id) AS boxes

-- name: media_of
-- The frame that every sample was made from.
CREATE OR REPLACE TEMP TABLE media_of AS
SELECT s.key, m.media_id FROM samples s JOIN leaving USING (key) JOIN media m USING (image_id)

-- name: boxes
-- Boxes as their source states them, with their class.
CREATE OR REPLACE TEMP TABLE boxes AS
SELECT s.key, m.media_id, {column} AS class_id, r.box_x, r.box_y, r.box_w, r.box_h
FROM samples s JOIN media_of m USING (key) JOIN records r USING (record_id)
WHERE r.box_x IS NOT NULL AND {column} IS NOT NULL

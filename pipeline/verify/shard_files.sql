-- Keys and labels of the samples in the shards.

-- name: keys_that_come_twice
SELECT key, count(*) || ' times in ' || string_agg(DISTINCT shard, ' and ' ORDER BY shard) FROM found
GROUP BY 1 HAVING count(*) > 1 ORDER BY 1

-- name: outside_their_genus
-- Species whose name does not begin with that of their genus; the sign of a hybrid is no part of it.
SELECT key, species, genus FROM samples WHERE species IS NOT NULL
AND NOT starts_with(replace(species, '× ', ''), replace(genus, '× ', '') || ' ') ORDER BY 1

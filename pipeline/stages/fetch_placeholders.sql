-- What is a placeholder among the answers of hosts. A group is (rule, host, value): answers that are alike by a rule.

-- name: placeholders
CREATE OR REPLACE TEMP TABLE placeholders (
  image_id VARCHAR, media_id VARCHAR, rule VARCHAR, host VARCHAR, value VARCHAR
)

-- name: placeholder_groups
CREATE OR REPLACE TEMP TABLE placeholder_groups (
  rule VARCHAR, host VARCHAR, value VARCHAR, addresses BIGINT, images BIGINT, genera BIGINT, taxa VARCHAR[],
  examples VARCHAR[], shown VARCHAR
)

-- name: keyed
-- Stored images by their bytes, and where many alike would count (`least`) by the address that a redirect led to.
SELECT image_id, media_id, address, CASE WHEN sha256 IN {'listed'} THEN {'by_list'} ELSE {'by_bytes'} END AS rule,
       host, sha256 AS value
FROM {media} WHERE outcome IS NULL
UNION ALL
SELECT image_id, media_id, address, {'by_address'}, host, final_url
FROM {media} WHERE {least} > 0 AND outcome IS NULL AND starts_with(final_url, 'http')

-- name: alike
-- Images whose bytes are listed, or that may be alike to those of enough others. A hash leaves out groups of fewer
-- images than it takes, for some bytes per image; what is left is still to be counted.
CREATE OR REPLACE TEMP TABLE alike AS
SELECT k.* FROM ({keyed}) k
SEMI JOIN (SELECT hash(rule, host, value) AS code FROM ({keyed}) GROUP BY 1
           HAVING max(rule) = {'by_list'}
               OR ({least} > 0 AND count(*) >= {least} AND min(media_id) <> max(media_id))) o
  ON o.code = hash(k.rule, k.host, k.value)

-- name: asks
-- Who asked for the images of each group: of which taxon, for which picture.
CREATE OR REPLACE TEMP TABLE asks AS
SELECT k.rule, k.host, k.value, a.box, a.occurrence, n.accepted_name,
       CASE WHEN coalesce(a.media_key, '') = '' OR starts_with(a.media_key, 'url:')
            THEN picture_of(a.address) ELSE a.media_key END AS picture,
       coalesce(n.genus_id, n.family_id, n.order_id, n.class_id, n.phylum_id, n.kingdom_id, n.accepted_id) AS genus,
       [n.kingdom_id, n.phylum_id, n.class_id, n.order_id, n.family_id] AS lineage
FROM alike k JOIN ({addresses}) a USING (image_id) JOIN {names} n USING (name_id)

-- name: found
-- Groups that are placeholders. What may honestly show several organisms (an occurrence, an address) is no evidence,
-- and a taxon above the genus counts where no other of the group stands below it.
CREATE OR REPLACE TEMP TABLE found AS
WITH clear AS (
  SELECT * FROM asks WHERE NOT box
  WINDOW of_occurrence AS (PARTITION BY rule, host, value, occurrence),
         of_picture AS (PARTITION BY rule, host, value, picture)
  QUALIFY min(genus) OVER of_occurrence = max(genus) OVER of_occurrence
      AND min(genus) OVER of_picture = max(genus) OVER of_picture),
above AS (SELECT DISTINCT rule, host, value, taxon AS genus FROM
          (SELECT rule, host, value, genus, unnest(lineage) AS taxon FROM clear) WHERE taxon <> genus),
pictures AS (SELECT rule, host, value, count(DISTINCT picture) AS pictures FROM clear GROUP BY ALL),
genera AS (SELECT rule, host, value, count(DISTINCT genus) AS genera
           FROM clear ANTI JOIN above USING (rule, host, value, genus) GROUP BY ALL)
SELECT rule, host, value FROM pictures JOIN genera USING (rule, host, value)
WHERE rule <> {'by_list'} AND pictures >= {least} AND genera >= {genera}
UNION ALL SELECT DISTINCT rule, host, value FROM alike WHERE rule = {'by_list'}

-- name: found_groups
-- The evidence of each group that was found.
CREATE OR REPLACE TEMP TABLE found_groups AS
SELECT rule, host, value, a.addresses, a.images, coalesce(t.genera, 0) AS genera,
       coalesce(t.taxa, []) AS taxa, a.examples, a.shown
FROM found JOIN (
  SELECT rule, host, value, count(*) AS addresses, sum(images)::BIGINT AS images,
         list_sort(min(address, {most})) AS examples, min(shown) AS shown
  FROM (SELECT rule, host, value, address, count(*) AS images, min(image_id) AS shown
        FROM alike SEMI JOIN found USING (rule, host, value) GROUP BY ALL) GROUP BY ALL) a
USING (rule, host, value)
LEFT JOIN (
  SELECT rule, host, value, count(DISTINCT genus) AS genera, list_sort(min(accepted_name, {most})) AS taxa
  FROM (SELECT DISTINCT rule, host, value, genus, accepted_name FROM asks) GROUP BY ALL) t
USING (rule, host, value)

-- name: earlier_groups
-- A group that was decided stays.
INSERT INTO found_groups
SELECT g.* FROM placeholder_groups g ANTI JOIN found USING (rule, host, value)

-- name: new_images
-- Adds the images of groups that were found and were in none before; an image in several takes one of them.
INSERT INTO placeholders
SELECT image_id, media_id, rule, host, value FROM alike SEMI JOIN found USING (rule, host, value)
ANTI JOIN placeholders USING (image_id)
QUALIFY row_number() OVER (PARTITION BY image_id ORDER BY rule, host, value) = 1

-- name: judged
-- The media with what was decided: outcome and detail, and the evidence as JSON.
SELECT m.* REPLACE ({outcome} AS outcome, coalesce({sentence}, m.detail) AS detail),
       CASE WHEN p.image_id IS NOT NULL THEN
            to_json({'rule': g.rule, 'value': g.value, 'addresses': g.addresses, 'genera': g.genera,
                      'example': g.examples[1]})::VARCHAR END AS placeholder
FROM {media} m LEFT JOIN placeholders p ON p.image_id = m.image_id
LEFT JOIN placeholder_groups g ON g.rule = p.rule AND g.host = p.host AND g.value = p.value

-- name: decided_media
-- The media of a finished fetch with the outcomes that it decided.
SELECT m.* REPLACE ({outcome} AS outcome)
FROM {media} m
LEFT JOIN {placeholders} p ON p.image_id = m.image_id

-- name: sentence
-- What makes a group a placeholder; null where there is no group.
CASE {group}.rule
WHEN {'by_list'} THEN 'the recipe lists these bytes as a placeholder'
WHEN {'by_bytes'} THEN format('a placeholder: {:,} addresses of {} gave these bytes, for {:,} genera',
                           {group}.addresses, {group}.host, {group}.genera)
WHEN {'by_address'} THEN format('a placeholder: {:,} addresses of {} led to this one, for {:,} genera',
                             {group}.addresses, {group}.host, {group}.genera) END

-- name: shown_groups
-- The groups that ended images; one all of whose images ended by another rule says nothing new.
SELECT rule, host, value, addresses, images, genera, taxa, examples, shown AS image_id,
       {sentence} AS sentence
FROM placeholder_groups g SEMI JOIN placeholders USING (rule, host, value) ORDER BY rule, host, value

-- name: addresses
-- Every address that a candidate may have been asked for at: its own, and its alternates.
WITH who AS (
  SELECT *, source || ':' || coalesce(nullif(occurrence_key, ''), record_id) AS occurrence FROM {asked}
)
SELECT name_id, occurrence, media_key, image_id, address, box_x IS NOT NULL AS box FROM who
UNION ALL
SELECT name_id, occurrence, media_key, a.at.image_id, a.at.address, false
FROM (SELECT name_id, occurrence, media_key, unnest(alternates) AS at FROM who) a

-- Images of a list of URLs that look like placeholders. `alike` holds those whose bytes or final address many have.

-- name: suspects
-- Images of the groups with `least` addresses or more, each once, by its bytes before its final address.
CREATE OR REPLACE TEMP TABLE suspects AS
SELECT a.image_id, a.media_id, a.rule, a.host, a.value, g.addresses FROM alike a JOIN (
  SELECT rule, host, value, count(DISTINCT picture_of(address)) AS addresses FROM alike GROUP BY ALL) g
USING (rule, host, value) WHERE g.addresses >= {least}
QUALIFY row_number() OVER (PARTITION BY a.image_id ORDER BY a.rule, a.value) = 1

-- name: groups
-- The groups with one of their media, those of most addresses first.
SELECT host, rule, value, any_value(addresses) AS addresses, min(media_id) FROM {suspects}
GROUP BY host, rule, value ORDER BY addresses DESC, host, rule, value

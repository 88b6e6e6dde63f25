-- The order of preference among records that show the same image. `record` and the like are aliases of tables.

-- name: order
-- Terms of ORDER BY, the most weighty first; what is only known of fetched media may be empty.
{record}.license_family IN {'allowed'} DESC NULLS LAST,
{specificity} DESC, {record}.provenance NULLS LAST,
{openness},
{stored} {pixels} DESC NULLS LAST, {priority}, {fidelity} {record}.record_id

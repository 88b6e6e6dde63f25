-- What fails a rule of a choice, as SQL expressions over a record `r`, its name `n` and the taxa it is below, `c`.
-- None is NULL. `value` is what the evidence names.

-- name: taxa
n.accepted_id IS NOT NULL AND NOT coalesce(list_contains(c.inside, {number}), false)

-- name: exclude_taxa
coalesce(list_contains(c.inside, {number}), false)

-- name: ranks
n.accepted_id IS NOT NULL AND lower(coalesce(n.accepted_rank, 'unranked')) NOT IN {'items'}

-- name: bbox
-- The meridian of 180 degrees is also that of -180: a box that ends at it holds both ways of writing it.
NOT coalesce(r.lat BETWEEN {'south'} AND {'north'}
             AND (({longitudes}) OR (abs(r.lon) = 180 AND 180 IN (abs({'west'}), abs({'east'})))), false)

-- name: bbox_value
CASE WHEN r.lat IS NULL OR r.lon IS NULL THEN 'no coordinates' WHEN r.lat < {'south'} THEN 'south of it'
     WHEN r.lat > {'north'} THEN 'north of it' ELSE 'east or west of it' END

-- name: years
NOT coalesce({ranges}, false)

-- name: year_range
-- The event begins and ends in one range of years.
(least({first_year}, {last_year}) >= {first} AND greatest({first_year}, {last_year}) <= {last})

-- name: first_year
-- The year of the event, or the first of an interval over several years, both of which stand in it in full. A date that
-- was not understood has none.
coalesce(r.event_year, CASE WHEN NOT coalesce(list_contains(r.issues, 'DATE_BAD'), false)
                            THEN TRY_CAST(regexp_extract(r.event_date, '^\s*(\d{4})[^/]*/', 1) AS INTEGER) END)

-- name: last_year
coalesce(r.event_year, CASE WHEN NOT coalesce(list_contains(r.issues, 'DATE_BAD'), false)
                            THEN TRY_CAST(regexp_extract(r.event_date, '/\s*(\d{4})', 1) AS INTEGER) END)

-- name: among
-- A column of a controlled vocabulary: `items` are its terms.
coalesce(r.{"column"} NOT IN {'items'}, true)

-- name: basis
coalesce(regexp_replace(upper(r.basis_of_record), '[^A-Z]', '', 'g') NOT IN {'items'}, true)

-- name: where
-- What cannot be computed for a record, such as a number out of its range, is NULL, and NULL is not chosen.
NOT coalesce(TRY({condition}), false)

-- name: sample
-- `choice_order` is a function of the connection, from a record id to a key that sorts.
choice_order(r.record_id) >= {'threshold'}

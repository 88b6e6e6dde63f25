-- What a name fell to, as SQL expressions: `n` is the alias of a row of names, every other place an expression as well.

-- name: fall
-- The sentence: what the taxonomy does not hold, and what the name fell to; NULL where it did not fall.
CASE
    WHEN {missing} AND {genus} THEN {kind} || {asked} || ' and its genus are not' || {within} || {ending}
    WHEN {missing} THEN {kind} || {asked} || ' is not' || {within} || {ending}
    WHEN {genus} THEN 'the genus of ''' || {n}.scientific_name || ''' is not' || {within} || {ending}
    WHEN {n}.match_type IN ('GENUS', 'HIGHER_RANK') AND list_contains({n}.issues, 'qualified_name')
      THEN '''' || {n}.scientific_name || ''' names no species' || {fell}
    WHEN {n}.match_type IN ('GENUS', 'HIGHER_RANK') AND (CASE {why} END) IS NOT NULL
      THEN 'no taxon' || {within} || ' is a good match of ' || {asked} || ' (' || (CASE {why} END) || ')' || {fell}
END

-- name: ending
-- How the sentence ends where the taxonomy does not hold the name.
CASE WHEN {n}.accepted_id IS NOT NULL THEN {fell}
     WHEN {n}.match_type = 'AMBIGUOUS' THEN ', and what is above it belongs to several taxa'
     ELSE ', nor is anything above it that the record states' END

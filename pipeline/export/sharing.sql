-- Whether a sample may leave, by its licence.

-- name: refusal
-- Why it may not; null when it may. An expression over the columns of `samples`.
CASE WHEN license_family IS NULL THEN {unknown}
     WHEN license_family IN {'leaving'} THEN NULL
     WHEN license_family NOT IN {'allowed'} THEN 'licence_not_allowed'
     WHEN may_share IS NOT TRUE THEN 'may_not_be_shared' END

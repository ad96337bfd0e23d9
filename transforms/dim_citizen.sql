-- description: Every citizen there has ever been, a row for each version: what was known from valid_from until before valid_to.
-- keeps: latest
-- continues: citizen_id bigint, full_name text, gender text, birth_date date, marital_status text, region text, city text, occupation text, annual_income double, registered_at timestamp, row_hash text, valid_from date, valid_to date, is_current boolean
-- test: not null citizen_id, row_hash, valid_from, is_current
-- test: unique citizen_id, valid_from
-- test: row count 1 to 1000000000
WITH today AS (
  SELECT citizen_id, full_name, gender, birth_date, marital_status, region, city, occupation, annual_income, registered_at,
    md5(full_name || '|' || gender || '|' || CAST(birth_date AS STRING) || '|' || marital_status || '|' || region || '|' || city || '|'
      || occupation || '|' || coalesce(CAST(CAST(round(annual_income * 100) AS BIGINT) AS STRING), '')) AS row_hash
  FROM citizens
), open_versions AS (
  SELECT citizen_id, row_hash FROM previous_dim_citizen WHERE is_current
)
SELECT earlier.citizen_id, earlier.full_name, earlier.gender, earlier.birth_date, earlier.marital_status, earlier.region, earlier.city,
  earlier.occupation, earlier.annual_income, earlier.registered_at, earlier.row_hash, earlier.valid_from,
  CASE WHEN earlier.is_current AND today.citizen_id IS NULL THEN CAST(:date AS DATE) ELSE earlier.valid_to END AS valid_to,
  earlier.is_current AND today.citizen_id IS NOT NULL AS is_current
FROM previous_dim_citizen AS earlier
LEFT JOIN today ON today.citizen_id = earlier.citizen_id AND today.row_hash = earlier.row_hash
UNION ALL
SELECT today.citizen_id, today.full_name, today.gender, today.birth_date, today.marital_status, today.region, today.city,
  today.occupation, today.annual_income, today.registered_at, today.row_hash, CAST(:date AS DATE) AS valid_from,
  CAST(NULL AS DATE) AS valid_to, true AS is_current
FROM today
LEFT JOIN open_versions ON open_versions.citizen_id = today.citizen_id AND open_versions.row_hash = today.row_hash
WHERE open_versions.citizen_id IS NULL

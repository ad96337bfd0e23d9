-- description: What is different from the day that was landed before: citizens added, changed, removed, and those who stayed as they were.
-- test: not null change, citizens
-- test: unique change
-- test: accepted values change: 'added', 'changed', 'removed', 'unchanged'
-- test: row count 4 to 4
WITH pairs AS (
  SELECT
    CASE WHEN earlier.citizen_id IS NULL THEN 'added' WHEN today.citizen_id IS NULL THEN 'removed'
      WHEN today.full_name = earlier.full_name AND today.gender = earlier.gender AND today.birth_date = earlier.birth_date
        AND today.marital_status = earlier.marital_status AND today.region = earlier.region AND today.city = earlier.city
        AND today.occupation = earlier.occupation AND today.registered_at = earlier.registered_at
        AND coalesce(today.annual_income, -1) = coalesce(earlier.annual_income, -1) THEN 'unchanged'
      ELSE 'changed' END AS change
  FROM citizens AS today
  FULL JOIN previous_citizens AS earlier ON earlier.citizen_id = today.citizen_id
), kinds AS (
  SELECT 'added' AS change UNION ALL SELECT 'changed' UNION ALL SELECT 'removed' UNION ALL SELECT 'unchanged'
)
SELECT kinds.change, count(pairs.change) AS citizens
FROM kinds
LEFT JOIN pairs ON pairs.change = kinds.change
GROUP BY kinds.change

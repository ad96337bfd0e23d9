-- description: Citizens by region, gender and age band; the age is that on the day, by the calendar.
-- test: not null region, age_band, gender, citizens
-- test: unique region, age_band, gender
-- test: accepted values age_band: '0-17', '18-24', '25-34', '35-44', '45-54', '55-64', '65-74', '75+'
-- test: row count 1 to 1000000
WITH ages AS (
  SELECT region, gender,
    extract(year FROM CAST(:date AS DATE)) - extract(year FROM birth_date)
      - CASE WHEN extract(month FROM CAST(:date AS DATE)) * 100 + extract(day FROM CAST(:date AS DATE))
          < extract(month FROM birth_date) * 100 + extract(day FROM birth_date) THEN 1 ELSE 0 END AS age
  FROM citizens
), bands AS (
  SELECT region, gender,
    CASE WHEN age < 18 THEN '0-17' WHEN age < 25 THEN '18-24' WHEN age < 35 THEN '25-34' WHEN age < 45 THEN '35-44'
      WHEN age < 55 THEN '45-54' WHEN age < 65 THEN '55-64' WHEN age < 75 THEN '65-74' ELSE '75+' END AS age_band
  FROM ages
)
SELECT region, age_band, gender, count(*) AS citizens
FROM bands
GROUP BY region, age_band, gender

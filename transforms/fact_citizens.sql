-- description: How many citizens each region has on the day, how many of them are new, and how many give an income.
-- test: not null region, citizens
-- test: unique region
-- test: row count 1 to 10000
SELECT citizens.region, regions.region_name, regions.country,
  count(*) AS citizens,
  count(CASE WHEN CAST(citizens.registered_at AS DATE) = CAST(:date AS DATE) THEN 1 END) AS registered_today,
  count(CASE WHEN CAST(citizens.updated_at AS DATE) = CAST(:date AS DATE) THEN 1 END) AS updated_today,
  count(citizens.annual_income) AS with_income
FROM citizens
LEFT JOIN regions ON regions.region = citizens.region
GROUP BY citizens.region, regions.region_name, regions.country

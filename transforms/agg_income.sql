-- description: What the citizens of each region earn a year; n counts those who say so.
-- test: not null region, n
-- test: unique region
-- test: row count 1 to 10000
SELECT region,
  count(annual_income) AS n,
  avg(annual_income) AS mean_income,
  median(annual_income) AS median_income,
  percentile_cont(0.9) WITHIN GROUP (ORDER BY annual_income) AS p90_income
FROM citizens
GROUP BY region

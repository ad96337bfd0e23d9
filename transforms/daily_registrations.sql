-- description: How many of the day's citizens registered on each date.
-- test: not null registered_on, citizens
-- test: unique registered_on
-- test: row count 1 to 100000
SELECT CAST(registered_at AS DATE) AS registered_on, count(*) AS citizens
FROM citizens
GROUP BY CAST(registered_at AS DATE)

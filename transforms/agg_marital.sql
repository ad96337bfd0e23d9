-- description: Citizens by marital status, and their share of all.
-- test: not null marital_status, citizens, share
-- test: unique marital_status
-- test: row count 1 to 1000
SELECT marital_status, count(*) AS citizens,
  CAST(count(*) AS DOUBLE) / CAST((SELECT count(*) FROM citizens) AS DOUBLE) AS share
FROM citizens
GROUP BY marital_status

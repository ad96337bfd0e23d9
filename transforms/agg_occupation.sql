-- description: Citizens by occupation, with what they earn a year on average.
-- test: not null occupation, citizens
-- test: unique occupation
-- test: row count 1 to 100000
SELECT citizens.occupation, occupations.title, occupations.sector,
  count(*) AS citizens,
  avg(citizens.annual_income) AS mean_income
FROM citizens
LEFT JOIN occupations ON occupations.occupation = citizens.occupation
GROUP BY citizens.occupation, occupations.title, occupations.sector

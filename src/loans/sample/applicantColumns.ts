import type { Random } from '../../randomSql.ts'

const AGES = ["'<25'", "'25-34'", "'35-44'", "'45-54'", "'55-64'", "'65-74'", "'>74'"]

/** SQL for the columns about who applies; `joint` says whether there is a co-applicant. */
export function applicantColumns(random: Random): Record<string, string> {
  const { between, draw, pick, chance } = random
  const inSome = (label: string, of1000: number, sql: string) =>
    `CASE WHEN ${chance(`${label} given`, of1000)} THEN ${sql} END`
  const age = (label: string) =>
    pick(label, [
      [4, AGES[0]!],
      [22, AGES[1]!],
      [24, AGES[2]!],
      [19, AGES[3]!],
      [16, AGES[4]!],
      [8, AGES[5]!],
      [3, AGES[6]!],
      [4, "'8888'"],
    ])
  const aboveSixtyTwo = (label: string) =>
    `CASE ${age(label)} WHEN '65-74' THEN 'Yes' WHEN '>74' THEN 'Yes' WHEN '55-64' THEN CASE WHEN ${chance(`${label} late`, 260)} THEN 'Yes' ELSE 'No' END WHEN '8888' THEN NULL ELSE 'No' END`
  const scoreType = (label: string) =>
    pick(label, [
      [26, '1'],
      [24, '2'],
      [33, '3'],
      [1, '7'],
      [3, '8'],
      [13, '9'],
    ])
  const ethnicity = (label: string) =>
    pick(label, [
      [77, '2'],
      [4, '1'],
      [11, '3'],
      [7, '4'],
      [1, 'NULL'],
    ])
  const race = (label: string) =>
    pick(label, [
      [75, '5'],
      [4, '3'],
      [3, '2'],
      [1, '1'],
      [10, '6'],
      [7, '7'],
    ])
  const sex = (label: string) =>
    pick(label, [
      [59, '1'],
      [28, '2'],
      [7, '3'],
      [6, '4'],
    ])
  const observed = (label: string) =>
    pick(label, [
      [2, '1'],
      [83, '2'],
      [15, '3'],
    ])
  /** Further answers to a question that allows five. */
  const further = (label: string, low: number, high: number) =>
    Object.fromEntries(
      [2, 3, 4, 5].map(position => [
        `${label}_${position}`,
        inSome(`${label} ${position}`, 40 >> (2 * (position - 2)), between(`${label} ${position}`, low, high)),
      ]),
    )
  const ofCoApplicant = (sql: string, none: string) => `CASE WHEN joint THEN ${sql} ELSE ${none} END`
  const unavailable = 'action = 6 AND i % 3 = 0'

  return {
    derived_ethnicity: `CASE WHEN ${unavailable} THEN 'Ethnicity Not Available' ELSE ${pick('ethnicity', [
      [80, "'Not Hispanic or Latino'"],
      [4, "'Hispanic or Latino'"],
      [2, "'Joint'"],
      [13, "'Ethnicity Not Available'"],
      [1, "'Free Form Text Only'"],
    ])} END`,
    derived_race: `CASE WHEN ${unavailable} THEN 'Race Not Available' ELSE ${pick('race', [
      [393, "'White'"],
      [18, "'Black or African American'"],
      [14, "'Asian'"],
      [2, "'American Indian or Alaska Native'"],
      [1, "'Native Hawaiian or Other Pacific Islander'"],
      [1, "'2 or more minority races'"],
      [5, "'Joint'"],
      [65, "'Race Not Available'"],
      [1, "'Free Form Text Only'"],
    ])} END`,
    derived_sex: `CASE WHEN ${unavailable} THEN 'Sex Not Available' WHEN joint THEN ${pick('joint sex', [
      [8, "'Joint'"],
      [1, "'Male'"],
      [1, "'Female'"],
    ])} ELSE ${pick('sex', [
      [52, "'Male'"],
      [36, "'Female'"],
      [12, "'Sex Not Available'"],
    ])} END`,
    income: inSome(
      'income',
      890,
      `8 + ${draw('income a', 160)} + ${draw('income b', 40)} * ${draw('income c', 12)} // 4`,
    ),
    debt_to_income_ratio: `CASE WHEN exempt THEN 'Exempt' ELSE ${pick('debt to income', [
      [5, "'<20%'"],
      [19, "'20%-<30%'"],
      [17, "'30%-<36%'"],
      [31, `CAST(${between('debt to income percent', 36, 49)} AS VARCHAR)`],
      [7, "'50%-60%'"],
      [4, "'>60%'"],
      [1, "'NA'"],
      [16, 'NULL'],
    ])} END`,
    applicant_credit_score_type: `CASE WHEN exempt THEN 1111 ELSE ${scoreType('score type')} END`,
    co_applicant_credit_score_type: `CASE WHEN exempt THEN 1111 ELSE ${ofCoApplicant(scoreType('co-applicant score type'), '10')} END`,
    applicant_ethnicity_1: ethnicity('applicant ethnicity'),
    ...further('applicant_ethnicity', 11, 14),
    co_applicant_ethnicity_1: ofCoApplicant(ethnicity('co-applicant ethnicity'), '5'),
    ...further('co_applicant_ethnicity', 11, 14),
    applicant_ethnicity_observed: observed('ethnicity observed'),
    co_applicant_ethnicity_observed: ofCoApplicant(observed('co-applicant ethnicity observed'), '4'),
    applicant_race_1: race('applicant race'),
    ...further('applicant_race', 21, 27),
    co_applicant_race_1: ofCoApplicant(race('co-applicant race'), '8'),
    ...further('co_applicant_race', 21, 27),
    applicant_race_observed: observed('race observed'),
    co_applicant_race_observed: ofCoApplicant(observed('co-applicant race observed'), '4'),
    applicant_sex: sex('applicant sex'),
    co_applicant_sex: ofCoApplicant(sex('co-applicant sex'), '5'),
    applicant_sex_observed: observed('sex observed'),
    co_applicant_sex_observed: ofCoApplicant(observed('co-applicant sex observed'), '4'),
    applicant_age: age('age'),
    co_applicant_age: ofCoApplicant(age('co-applicant age'), "'9999'"),
    applicant_age_above_62: aboveSixtyTwo('age'),
    co_applicant_age_above_62: ofCoApplicant(aboveSixtyTwo('co-applicant age'), 'NULL'),
  }
}

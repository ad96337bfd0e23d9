import { type Random, text } from '../../randomSql.ts'

/** Numeric fields that a small lender need not report have this code, text fields the word. */
const EXEMPT_CODE = '1111'
const EXEMPT = text('Exempt')

/** SQL for the columns about the loan, its property and its neighbourhood; names such as `county` are the facts of loanSql.ts. */
export function loanColumns(random: Random, tractRandom: Random): Record<string, string> {
  const { draw, between, pick, chance } = random
  const reported = (sql: string) => `CASE WHEN exempt THEN ${EXEMPT} ELSE ${sql} END`
  const reportedCode = (sql: string) => `CASE WHEN exempt THEN ${EXEMPT_CODE} ELSE ${sql} END`
  const inSome = (label: string, of1000: number, sql: string) =>
    `CASE WHEN ${chance(`${label} given`, of1000)} THEN ${sql} END`
  const decimals = (sql: string, places: number) =>
    `CAST(CAST(${sql} AS DECIMAL(12,${places})) / ${10 ** places} AS DECIMAL(12,${places}))`
  const asText = (sql: string) => `CAST(${sql} AS VARCHAR)`
  const ofTract = (sql: string) => `CASE WHEN tract IS NULL THEN 0 ELSE ${sql} END`
  const twoDigits = (label: string) => `lpad(CAST(${draw(label, 100)} AS VARCHAR), 2, '0')`
  const dollars = (label: string, upTo: number) =>
    `${asText(draw(`${label} dollars`, upTo))} || '.' || ${twoDigits(`${label} cents`)}`
  const decided = 'action IN (1, 2, 6)'

  return {
    activity_year: '2021',
    lei: "list_extract(getvariable('lenders'), 1 + lender)",
    derived_msa_md: 'CASE WHEN county IS NULL THEN 99999 ELSE place.area END',
    state_code: text('WI'),
    county_code: 'county',
    census_tract: 'CASE WHEN tract IS NULL THEN NULL ELSE county * 1000000 + (tract + 1) * 100 + tract % 3 END',
    conforming_loan_limit: `CASE WHEN ${chance('limit unknown', 6)} THEN NULL WHEN ${chance('limit undetermined', 11)} THEN 'U' WHEN multifamily THEN 'NA' WHEN amount > 548250 THEN 'NC' ELSE 'C' END`,
    derived_loan_product_type: `list_extract(['Conventional', 'FHA', 'VA', 'FSA/RHS'], loan_type) || CASE WHEN subordinate THEN ':Subordinate Lien' ELSE ':First Lien' END`,
    derived_dwelling_category: `CASE WHEN multifamily THEN 'Multifamily:Site-Built' WHEN manufactured THEN 'Single Family (1-4 Units):Manufactured' ELSE 'Single Family (1-4 Units):Site-Built' END`,
    action_taken: 'action',
    purchaser_type: `CASE WHEN action NOT IN (1, 6) THEN 0 ELSE ${pick('purchaser', [
      [42, '0'],
      [24, '1'],
      [7, '2'],
      [15, '3'],
      [4, '6'],
      [6, '71'],
      [1, '72'],
      [1, '9'],
    ])} END`,
    preapproval: `CASE WHEN purpose = 1 AND ${chance('preapproval', 34)} THEN 1 ELSE 2 END`,
    loan_type_id: 'loan_type',
    loan_purpose: 'purpose',
    lien_status: 'CASE WHEN subordinate THEN 2 ELSE 1 END',
    reverse_mortgage: reportedCode(`CASE WHEN ${chance('reverse', 3)} THEN 1 ELSE 2 END`),
    open_end_line_of_credit: reportedCode('CASE WHEN open_end THEN 1 ELSE 2 END'),
    business_or_commercial_purpose: reportedCode('CASE WHEN business OR multifamily THEN 1 ELSE 2 END'),
    loan_amount: 'amount',
    loan_to_value_ratio: reported(
      inSome(
        'loan to value',
        905,
        pick('loan to value', [
          [22, "'80.0'"],
          [14, "'95.0'"],
          [6, "'96.5'"],
          [5, "'97.0'"],
          [4, "'75.0'"],
          [3, "'90.0'"],
          [
            46,
            `${asText(between('loan to value whole', 20, 98))} || '.' || lpad(CAST(${draw('loan to value rest', 1000)} AS VARCHAR), 3, '0')`,
          ],
        ]),
      ),
    ),
    interest_rate: reported(
      `CASE WHEN ${decided} THEN ${asText(decimals(between('rate in eighths', 16, 44).concat(' * 125'), 3))} END`,
    ),
    rate_spread: reported(
      `CASE WHEN ${decided} AND ${chance('spread given', 930)} THEN ${asText(decimals(between('spread', -900, 1900), 3))} END`,
    ),
    hoepa_status: `CASE WHEN ${decided} AND action <> 6 THEN 2 ELSE 3 END`,
    total_loan_costs: reported(`CASE WHEN ${decided} THEN ${inSome('costs', 870, dollars('costs', 9000))} END`),
    total_points_and_fees: reported(inSome('points', 4, dollars('points', 3000))),
    origination_charges: reported(
      `CASE WHEN ${decided} THEN ${inSome('origination', 880, dollars('origination', 4000))} END`,
    ),
    discount_points: reported(`CASE WHEN ${decided} THEN ${inSome('discount', 360, dollars('discount', 3500))} END`),
    lender_credits: reported(`CASE WHEN ${decided} THEN ${inSome('credits', 390, dollars('credits', 2500))} END`),
    loan_term: reported(
      pick('term', [
        [66, "'360'"],
        [16, "'180'"],
        [8, "'240'"],
        [4, "'120'"],
        [2, "'300'"],
        [1, "'60'"],
        [2, asText(between('odd term', 12, 359))],
        [1, 'NULL'],
      ]),
    ),
    prepayment_penalty_term: reported(inSome('penalty', 31, "'36'")),
    intro_rate_period: reported(
      inSome(
        'intro',
        160,
        pick('intro', [
          [4, "'60'"],
          [3, "'84'"],
          [2, "'120'"],
          [2, "'1'"],
          [1, "'36'"],
        ]),
      ),
    ),
    negative_amortization: reportedCode(`CASE WHEN ${chance('negative', 1)} THEN 1 ELSE 2 END`),
    interest_only_payment: reportedCode(`CASE WHEN ${chance('interest only', 36)} THEN 1 ELSE 2 END`),
    balloon_payment: reportedCode(`CASE WHEN ${chance('balloon', 41)} THEN 1 ELSE 2 END`),
    other_nonamortizing_features: reportedCode(`CASE WHEN ${chance('other features', 4)} THEN 1 ELSE 2 END`),
    property_value: reported(
      inSome('value', 918, asText(`amount * ${between('value percent', 102, 290)} // 1000000 * 10000 + 5000`)),
    ),
    construction_method: 'CASE WHEN manufactured THEN 2 ELSE 1 END',
    occupancy_type: pick('occupancy', [
      [91, '1'],
      [4, '2'],
      [5, '3'],
    ]),
    manufactured_home_secured_property_type: reportedCode(
      `CASE WHEN NOT manufactured THEN 3 ELSE ${between('secured', 1, 2)} END`,
    ),
    manufactured_home_land_property_interest: reportedCode(
      `CASE WHEN NOT manufactured THEN 5 ELSE ${between('land', 1, 4)} END`,
    ),
    total_units: `CASE WHEN multifamily THEN ${pick('many units', [
      [11, "'5-24'"],
      [4, "'25-49'"],
      [3, "'50-99'"],
      [1, "'100-149'"],
      [1, "'>149'"],
    ])} ELSE ${pick('units', [
      [96, "'1'"],
      [3, "'2'"],
      [1, "'4'"],
    ])} END`,
    multifamily_affordable_units: reported(
      `CASE WHEN multifamily THEN ${pick('affordable', [
        [7, "'0'"],
        [2, "'100'"],
        [1, asText(between('affordable percent', 1, 99))],
      ])} END`,
    ),
    submission_of_application: reportedCode(
      pick('submission', [
        [80, '1'],
        [13, '2'],
        [7, '3'],
      ]),
    ),
    initially_payable_to_institution: reportedCode(
      pick('payable', [
        [85, '1'],
        [9, '2'],
        [6, '3'],
      ]),
    ),
    aus_1: reportedCode(
      pick('first underwriting system', [
        [48, '1'],
        [18, '2'],
        [3, '3'],
        [3, '5'],
        [27, '6'],
        [1, '7'],
      ]),
    ),
    aus_2: inSome('second underwriting system', 71, between('second underwriting system', 1, 5)),
    aus_3: inSome('third underwriting system', 9, between('third underwriting system', 1, 5)),
    aus_4: inSome('fourth underwriting system', 2, between('fourth underwriting system', 1, 5)),
    aus_5: inSome('fifth underwriting system', 1, between('fifth underwriting system', 1, 5)),
    denial_reason_1: `CASE WHEN exempt THEN ${EXEMPT_CODE} WHEN action = 3 THEN ${pick('first denial reason', [
      [33, '1'],
      [2, '2'],
      [27, '3'],
      [14, '4'],
      [3, '5'],
      [4, '6'],
      [8, '7'],
      [9, '9'],
    ])} ELSE 10 END`,
    denial_reason_2: `CASE WHEN action = 3 THEN ${inSome('second denial reason', 190, between('second denial reason', 1, 9))} END`,
    denial_reason_3: `CASE WHEN action = 3 THEN ${inSome('third denial reason', 34, between('third denial reason', 1, 9))} END`,
    denial_reason_4: `CASE WHEN action = 3 THEN ${inSome('fourth denial reason', 5, between('fourth denial reason', 1, 9))} END`,
    tract_population: ofTract(tractRandom.between('population', 1_450, 8_900)),
    tract_minority_population_percent: ofTract(
      `(${tractRandom.draw('minority a', 100)} * ${tractRandom.draw('minority b', 100)} + ${tractRandom.draw('minority c', 100)}) / 100`,
    ),
    ffiec_msa_md_median_family_income: 'CASE WHEN county IS NULL THEN 0 ELSE place.income END',
    tract_to_msa_income_percentage: ofTract(tractRandom.between('income percent', 42, 171)),
    tract_owner_occupied_units: ofTract(tractRandom.between('owner occupied', 310, 2_650)),
    tract_one_to_four_family_homes: ofTract(tractRandom.between('homes', 480, 3_300)),
    tract_median_age_of_housing_units: ofTract(tractRandom.between('housing age', 9, 74)),
  }
}

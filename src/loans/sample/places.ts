import { type CountyFacts, WISCONSIN_COUNTIES } from '../countyNames.ts'

/** A county with what its loans have in common. */
export interface Place extends CountyFacts {
  /** Metropolitan area of the census, 99999 outside of any. */
  metropolitanArea: number
  /** Median family income of that area in US dollars. */
  medianIncome: number
  censusTracts: number
  /** What loans there are worth, in percent of the state's. */
  amountPercent: number
}

const RURAL = { metropolitanArea: 99_999, medianIncome: 71_100, amountPercent: 84 }

const METROPOLITAN_AREAS = [
  {
    metropolitanArea: 31_540,
    medianIncome: 102_600,
    amountPercent: 122,
    counties: ['Dane', 'Columbia', 'Green', 'Iowa'],
  },
  {
    metropolitanArea: 33_340,
    medianIncome: 87_000,
    amountPercent: 106,
    counties: ['Milwaukee', 'Waukesha', 'Ozaukee', 'Washington'],
  },
  { metropolitanArea: 24_580, medianIncome: 82_300, amountPercent: 98, counties: ['Brown', 'Kewaunee', 'Oconto'] },
  { metropolitanArea: 11_540, medianIncome: 88_100, amountPercent: 97, counties: ['Outagamie', 'Calumet'] },
  { metropolitanArea: 36_780, medianIncome: 79_500, amountPercent: 92, counties: ['Winnebago'] },
  { metropolitanArea: 39_540, medianIncome: 81_300, amountPercent: 94, counties: ['Racine'] },
  { metropolitanArea: 29_404, medianIncome: 93_200, amountPercent: 103, counties: ['Kenosha'] },
  { metropolitanArea: 27_500, medianIncome: 74_400, amountPercent: 87, counties: ['Rock'] },
  { metropolitanArea: 29_100, medianIncome: 81_100, amountPercent: 95, counties: ['La Crosse'] },
  { metropolitanArea: 20_740, medianIncome: 79_800, amountPercent: 95, counties: ['Eau Claire', 'Chippewa'] },
  { metropolitanArea: 22_540, medianIncome: 79_900, amountPercent: 86, counties: ['Fond du Lac'] },
  { metropolitanArea: 43_100, medianIncome: 77_600, amountPercent: 84, counties: ['Sheboygan'] },
  { metropolitanArea: 48_140, medianIncome: 78_900, amountPercent: 88, counties: ['Marathon', 'Lincoln'] },
  { metropolitanArea: 20_260, medianIncome: 77_800, amountPercent: 83, counties: ['Douglas'] },
  { metropolitanArea: 33_460, medianIncome: 104_900, amountPercent: 116, counties: ['St. Croix', 'Pierce'] },
]

/** The counties that sample loans lie in. */
export const PLACES: readonly Place[] = WISCONSIN_COUNTIES.map(county => {
  const area = METROPOLITAN_AREAS.find(({ counties }) => counties.some(name => county.name === `${name} County`))
  const { metropolitanArea, medianIncome, amountPercent } = area ?? RURAL
  const censusTracts = Math.max(2, Math.round(county.population / 3_900))
  return { ...county, metropolitanArea, medianIncome, censusTracts, amountPercent }
})

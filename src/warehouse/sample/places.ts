/** A row of the source table `regions`, with the cities that its citizens live in. */
export interface Region {
  region: string
  name: string
  country: string
  cities: readonly [string, string, string, string]
}

export const REGIONS: readonly Region[] = [
  { region: 'R01', name: 'Nordland', country: 'Norway', cities: ['Bodø', 'Narvik', 'Mo i Rana', 'Fauske'] },
  { region: 'R02', name: 'Bavaria', country: 'Germany', cities: ['Munich', 'Nürnberg', 'Würzburg', 'Passau'] },
  { region: 'R03', name: 'Silesia', country: 'Poland', cities: ['Wrocław', 'Katowice', 'Opole', 'Świdnica'] },
  { region: 'R04', name: 'Galicia', country: 'Spain', cities: ['A Coruña', 'Vigo', 'Lugo', 'Santiago, Old Town'] },
  { region: 'R05', name: 'Hokkaido', country: 'Japan', cities: ['札幌', '函館', '旭川', '釧路'] },
  { region: 'R06', name: 'Ceará', country: 'Brazil', cities: ['Fortaleza', 'Sobral', 'Juazeiro', 'Iguatu'] },
  {
    region: 'R07',
    name: 'Wisconsin',
    country: 'United States',
    cities: ['Madison', 'Green Bay', 'Eau Claire', 'Wausau'],
  },
  { region: 'R08', name: 'Crete', country: 'Greece', cities: ['Ηράκλειο', 'Χανιά', 'Ρέθυμνο', 'Σητεία'] },
]

/** A row of the source table `occupations`, with what people in it earn. */
export interface Occupation {
  occupation: string
  title: string
  sector: string
  /** A year, before the spread from person to person. */
  income: number
}

/** The first two are for those too young and too old for the others. */
export const OCCUPATIONS: readonly Occupation[] = [
  { occupation: 'student', title: 'Student', sector: 'education', income: 6_000 },
  { occupation: 'retired', title: 'Retired', sector: 'none', income: 24_000 },
  { occupation: 'teacher', title: 'Teacher', sector: 'education', income: 47_000 },
  { occupation: 'nurse', title: 'Nurse', sector: 'health', income: 44_000 },
  { occupation: 'physician', title: 'Physician', sector: 'health', income: 118_000 },
  { occupation: 'engineer', title: 'Engineer', sector: 'industry', income: 71_000 },
  { occupation: 'electrician', title: 'Electrician', sector: 'industry', income: 43_000 },
  { occupation: 'driver', title: 'Driver', sector: 'transport', income: 33_000 },
  { occupation: 'farmer', title: 'Farmer', sector: 'agriculture', income: 36_000 },
  { occupation: 'shop_assistant', title: 'Shop assistant', sector: 'trade', income: 27_000 },
  { occupation: 'lawyer', title: 'Lawyer', sector: 'services', income: 92_000 },
  { occupation: 'artist', title: 'Artist', sector: 'culture', income: 29_000 },
]

export const FIRST_NAMES: readonly string[] = (
  'Anna, Bjørn, Chloé, David, Eleni, François, Grażyna, Hiroshi, Iris, João, Katarzyna, Liam, ' +
  'María José, Niko, Oyelaran, Paula, Quinn, Renée, Søren, Tomás, Ülkü, Věra, Wanda, Zoë'
).split(', ')

export const LAST_NAMES: readonly string[] = (
  'Andersen, Bauer, Costa, Dąbrowski, Eriksen, Fernández, García, Hansen, Ito, Jones, Kowalczyk, López, Müller, ' +
  "Nakamura, O'Brien, Papadopoulos, Quispe, Rossi, Schmidt, Tanaka, Ueda, Vogel, Wiśniewska, Żak"
).split(', ')

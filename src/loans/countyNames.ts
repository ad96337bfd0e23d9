/** A county and how many people the 2020 census counted in it. */
export interface CountyFacts {
  /** Five-digit FIPS code. */
  code: number
  /** Census name, for example "Dane County". */
  name: string
  population: number
}

/** The 72 counties of Wisconsin, ascending by code. */
export const WISCONSIN_COUNTIES: readonly CountyFacts[] = [
  { code: 55001, name: 'Adams County', population: 20_654 },
  { code: 55003, name: 'Ashland County', population: 16_027 },
  { code: 55005, name: 'Barron County', population: 46_711 },
  { code: 55007, name: 'Bayfield County', population: 16_220 },
  { code: 55009, name: 'Brown County', population: 268_740 },
  { code: 55011, name: 'Buffalo County', population: 13_317 },
  { code: 55013, name: 'Burnett County', population: 16_526 },
  { code: 55015, name: 'Calumet County', population: 52_442 },
  { code: 55017, name: 'Chippewa County', population: 66_297 },
  { code: 55019, name: 'Clark County', population: 34_659 },
  { code: 55021, name: 'Columbia County', population: 58_490 },
  { code: 55023, name: 'Crawford County', population: 16_113 },
  { code: 55025, name: 'Dane County', population: 561_504 },
  { code: 55027, name: 'Dodge County', population: 89_396 },
  { code: 55029, name: 'Door County', population: 30_066 },
  { code: 55031, name: 'Douglas County', population: 44_295 },
  { code: 55033, name: 'Dunn County', population: 45_440 },
  { code: 55035, name: 'Eau Claire County', population: 105_710 },
  { code: 55037, name: 'Florence County', population: 4_558 },
  { code: 55039, name: 'Fond du Lac County', population: 104_154 },
  { code: 55041, name: 'Forest County', population: 9_179 },
  { code: 55043, name: 'Grant County', population: 51_938 },
  { code: 55045, name: 'Green County', population: 37_093 },
  { code: 55047, name: 'Green Lake County', population: 19_018 },
  { code: 55049, name: 'Iowa County', population: 23_709 },
  { code: 55051, name: 'Iron County', population: 6_137 },
  { code: 55053, name: 'Jackson County', population: 21_145 },
  { code: 55055, name: 'Jefferson County', population: 84_900 },
  { code: 55057, name: 'Juneau County', population: 26_718 },
  { code: 55059, name: 'Kenosha County', population: 169_151 },
  { code: 55061, name: 'Kewaunee County', population: 20_563 },
  { code: 55063, name: 'La Crosse County', population: 120_784 },
  { code: 55065, name: 'Lafayette County', population: 16_611 },
  { code: 55067, name: 'Langlade County', population: 19_491 },
  { code: 55069, name: 'Lincoln County', population: 28_415 },
  { code: 55071, name: 'Manitowoc County', population: 81_359 },
  { code: 55073, name: 'Marathon County', population: 138_013 },
  { code: 55075, name: 'Marinette County', population: 41_872 },
  { code: 55077, name: 'Marquette County', population: 15_592 },
  { code: 55078, name: 'Menominee County', population: 4_255 },
  { code: 55079, name: 'Milwaukee County', population: 939_489 },
  { code: 55081, name: 'Monroe County', population: 46_274 },
  { code: 55083, name: 'Oconto County', population: 38_965 },
  { code: 55085, name: 'Oneida County', population: 37_845 },
  { code: 55087, name: 'Outagamie County', population: 190_705 },
  { code: 55089, name: 'Ozaukee County', population: 91_503 },
  { code: 55091, name: 'Pepin County', population: 7_318 },
  { code: 55093, name: 'Pierce County', population: 42_212 },
  { code: 55095, name: 'Polk County', population: 44_977 },
  { code: 55097, name: 'Portage County', population: 70_377 },
  { code: 55099, name: 'Price County', population: 14_054 },
  { code: 55101, name: 'Racine County', population: 197_727 },
  { code: 55103, name: 'Richland County', population: 17_304 },
  { code: 55105, name: 'Rock County', population: 163_687 },
  { code: 55107, name: 'Rusk County', population: 14_188 },
  { code: 55109, name: 'St. Croix County', population: 93_536 },
  { code: 55111, name: 'Sauk County', population: 65_763 },
  { code: 55113, name: 'Sawyer County', population: 18_074 },
  { code: 55115, name: 'Shawano County', population: 40_881 },
  { code: 55117, name: 'Sheboygan County', population: 118_034 },
  { code: 55119, name: 'Taylor County', population: 19_913 },
  { code: 55121, name: 'Trempealeau County', population: 30_760 },
  { code: 55123, name: 'Vernon County', population: 30_714 },
  { code: 55125, name: 'Vilas County', population: 23_047 },
  { code: 55127, name: 'Walworth County', population: 106_478 },
  { code: 55129, name: 'Washburn County', population: 16_623 },
  { code: 55131, name: 'Washington County', population: 136_761 },
  { code: 55133, name: 'Waukesha County', population: 406_978 },
  { code: 55135, name: 'Waupaca County', population: 51_812 },
  { code: 55137, name: 'Waushara County', population: 24_520 },
  { code: 55139, name: 'Winnebago County', population: 171_730 },
  { code: 55141, name: 'Wood County', population: 74_207 },
]

const NAMES = new Map(WISCONSIN_COUNTIES.map(({ code, name }) => [code, name]))

/** The Census name of a county of Wisconsin; undefined for any other code. */
export function countyName(code: number): string | undefined {
  return NAMES.get(code)
}

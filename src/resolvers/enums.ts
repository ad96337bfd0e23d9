import { registerEnumType } from 'type-graphql'

/** A GraphQL enum, whose values stand for themselves, from the description of each value. */
export function createEnum<Value extends string>(
  name: string,
  description: string,
  values: Readonly<Record<Value, string>>,
): { readonly [Name in Value]: Name } {
  const names = Object.keys(values) as Value[]
  const object = Object.fromEntries(names.map(value => [value, value])) as { [Name in Value]: Name }
  const valuesConfig = Object.fromEntries(names.map(value => [value, { description: values[value] }])) as Record<
    Value,
    { description: string }
  >
  registerEnumType(object, { name, description, valuesConfig })
  return object
}

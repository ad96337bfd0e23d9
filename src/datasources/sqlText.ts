/** What an engine's keeper has to know of a piece of SQL before it hands it on. */
export interface SqlText {
  /** Without blanks, comments and semicolons at its end. */
  text: string
  /** Each `:name` that is not part of a text, a quoted name, a comment or `::`, in the order of the text. */
  parameters: SqlParameter[]
}

export interface SqlParameter {
  name: string
  /** Where its ":" is, in UTF-16 units from 0. */
  start: number
  /** Behind its last letter. */
  end: number
}

/** Counted from 1; columns in characters as people see them in an editor. */
export interface SqlPlace {
  line: number
  column: number
}

/** What quotes, comments and parameters look like. Anything else is matched a character at a time. */
const TOKEN =
  /'(?:[^']|'')*'?|"(?:[^"]|"")*"?|`(?:[^`]|``)*`?|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|::|:(?<name>[A-Za-z_]\w*)|(?<code>[^\s;])|[\s;]/gu

/** Reads as much of SQL as is needed to find parameters and the end. Never fails: what is wrong in it the engine says. */
export function readSql(sql: string): SqlText {
  const parameters: SqlParameter[] = []
  let end = 0
  for (const { 0: token, index, groups } of sql.matchAll(TOKEN)) {
    if (groups?.name !== undefined) parameters.push({ name: groups.name, start: index, end: index + token.length })
    const counts = !/^(?:--|\/\*|[\s;])/.test(token)
    if (counts) end = index + token.length
  }
  return { text: sql.slice(0, end), parameters }
}

/** Where an offset (UTF-16 units from 0) lies. */
export function placeOf(text: string, offset: number): SqlPlace {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: Array.from(before.at(-1)!).length + 1 }
}

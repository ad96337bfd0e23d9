/** "1 block", "1,240 blocks" */
export function counted(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`
}

/** With a full stop, where it has no end yet. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

import { readFileSync } from 'node:fs'

/** What a Dockerfile says, as far as the tests ask. */
export interface Stage {
  name: string | undefined
  /** An image, or the name of an earlier stage. */
  base: string
  /** What it copies from the build context. */
  sources: string[]
  /** Stages that it copies from. */
  copiesFrom: string[]
  user: string | undefined
  /** The command in its JSON form. */
  command: string[] | undefined
}

export function readDockerfile(path: string): Stage[] {
  const text = readFileSync(path, 'utf8')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
  const stages: Stage[] = []
  for (const line of text.split('\n')) {
    const [instruction = '', ...words] = line.trim().split(/\s+/)
    const stage = stages.at(-1)
    if (instruction === 'FROM') stages.push(newStage(words))
    else if (instruction === 'COPY') copy(stage!, words)
    else if (instruction === 'USER') stage!.user = words[0]
    else if (instruction === 'CMD') stage!.command = JSON.parse(words.join(' ')) as string[]
  }
  return stages
}

function newStage([base = '', , name]: string[]): Stage {
  return { name, base, sources: [], copiesFrom: [], user: undefined, command: undefined }
}

function copy(stage: Stage, words: string[]): void {
  const from = words.find(word => word.startsWith('--from='))?.slice('--from='.length)
  if (from !== undefined) stage.copiesFrom.push(from)
  else stage.sources.push(...words.filter(word => !word.startsWith('--')).slice(0, -1))
}

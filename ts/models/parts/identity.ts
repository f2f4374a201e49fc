/** What makes a model the same one: its options, by name, and its tokenizers. */
import { digestOfJson } from '../../digest'
import type { Rows } from '../../schema'
import type { Tokenizer } from '../../text'

/** Options by name; null: not given. Not the seed, which is the run's and comes with its checkpoint. */
export function identityOf(rows: Rows, options: object, prefix = ''): Record<string, unknown> {
  const all: Record<string, unknown> = {}
  for (const [name, row] of Object.entries(rows)) {
    if (prefix + name === 'seed') continue
    const value = (options as Readonly<Record<string, unknown>>)[name] ?? null
    if (row.rows) Object.assign(all, identityOf(row.rows, value ?? {}, `${prefix}${name}.`))
    else all[prefix + name] = value
  }
  return all
}

/** A digest of what ids mean to a tokenizer. */
export const digestOf = ({ unit, tokens, begin, end }: Tokenizer): string =>
  digestOfJson([unit, begin, end, tokens])

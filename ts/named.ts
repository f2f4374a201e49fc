/** Names with options, as a command line has them: `step:gamma=0.5,after=4`, `uniform:0.1`. */
import { expect } from './errors'

export interface Named {
  name: string
  options: Record<string, number | string>
}

/** A value without a name of its own is the option ''. */
export function readNamed(text: string): Named {
  const [name = '', ...rest] = text.split(':')
  const words = rest.join(':').split(',')
  const options = words.filter(Boolean).map((word): [string, number | string] => {
    const [key, value] = word.includes('=') ? (word.split('=', 2) as [string, string]) : ['', word]
    const number = value.trim() === '' ? NaN : Number(value)
    return [key.trim(), Number.isNaN(number) ? value : number]
  })
  return { name, options: Object.fromEntries(options) }
}

/** What `create` makes of the text; `ERR_ARGUMENT` for an option that is not among those it then has. */
export function createNamed<T extends { toJSON(): { options: object } }>(
  op: string,
  text: string,
  create: (named: Named) => T,
): T {
  const { name, options } = readNamed(text)
  const made = create({ name, options })
  const known = Object.keys(made.toJSON().options)
  const expected = known.length === 0 ? 'none' : known.join(', ')
  for (const key of Object.keys(options))
    expect(op, `options of ${name}`, known.includes(key), expected, key)
  return made
}

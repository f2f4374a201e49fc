/** Names with options, as a command line has them: `step:gamma=0.5,after=4`, `uniform:0.1`. */
import { checkText } from './check'

export interface Named {
  name: string
  options: Record<string, number | string>
}

/** NaN of what is none, and of one beyond all that a double holds, such as 1e400. */
export function numberOf(text: string): number {
  const number = text.trim() === '' ? NaN : Number(text)
  return Number.isFinite(number) || /^\s*[+-]?Infinity\s*$/.test(text) ? number : NaN
}

/** A value without a name of its own is the option ''. */
export function readNamed(text: string): Named {
  checkText('options', 'text', text)
  const [name = '', ...rest] = text.split(':')
  const words = rest.join(':').split(',')
  const options = words.filter(Boolean).map((word): [string, number | string] => {
    const [key, value] = word.includes('=') ? (word.split('=', 2) as [string, string]) : ['', word]
    const number = numberOf(value)
    return [key.trim(), Number.isNaN(number) ? value : number]
  })
  return { name, options: Object.fromEntries(options) }
}

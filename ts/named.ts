/** Names with options, as a command line has them: `step:gamma=0.5,after=4`, `uniform:0.1`. */
import { checkText } from './check'

export interface Named {
  name: string
  options: Record<string, number | string>
}

/** A value without a name of its own is the option ''. */
export function readNamed(text: string): Named {
  checkText('options', 'text', text)
  const [name = '', ...rest] = text.split(':')
  const words = rest.join(':').split(',')
  const options = words.filter(Boolean).map((word): [string, number | string] => {
    const [key, value] = word.includes('=') ? (word.split('=', 2) as [string, string]) : ['', word]
    const number = value.trim() === '' ? NaN : Number(value)
    return [key.trim(), Number.isNaN(number) ? value : number]
  })
  return { name, options: Object.fromEntries(options) }
}

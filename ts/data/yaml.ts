/** YAML, by js-yaml, an optional package: only who reads such has it. */
import { needed } from '../packages'
import { badFile } from './pieces'

/** What is used of js-yaml, whose types an installation without it lacks. */
interface Yaml {
  load(text: string, options: object): unknown
  FAILSAFE_SCHEMA: object
}

/** The package; `ERR_ARGUMENT` names it where it is not installed. */
export const yamlFor = (path: string): Yaml =>
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  needed(`[read] ${path}: YAML needs`, 'js-yaml', () => require('js-yaml') as Yaml)

/** Lists, objects and strings: `no` is a word here, and 1.0 is written so. `ERR_FORMAT` with the line of what is wrong. */
export function parseYaml({ load, FAILSAFE_SCHEMA }: Yaml, text: string, path: string): unknown {
  try {
    return load(text, { schema: FAILSAFE_SCHEMA })
  } catch (error) {
    const { reason = (error as Error).message, mark } = error as {
      reason?: string
      mark?: { line?: number }
    }
    const line = mark?.line === undefined ? '' : `line ${mark.line + 1}: `
    throw badFile(path, `${line}${reason}`, error)
  }
}

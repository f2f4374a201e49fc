/** Packages that only some users have: loaded when they are used, and named where they are missing. */
import { RnnativeError } from './errors'

/** `needs`: who needs them, and for what; `names`: as npm is told them. */
export function notInstalled(needs: string, names: string, cause: unknown): RnnativeError {
  const what = names.includes(' ') ? 'two packages that are' : 'a package that is'
  return new RnnativeError('ERR_ARGUMENT', `${needs} ${what} not installed: npm install ${names}`, {
    cause,
  })
}

/** What `load` requires; `ERR_ARGUMENT` where that is not there. */
export function needed<T>(needs: string, names: string, load: () => T): T {
  try {
    return load()
  } catch (cause) {
    throw notInstalled(needs, names, cause)
  }
}

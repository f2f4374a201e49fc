import { accessSync, constants } from 'node:fs'
import { makeDirectory } from '../io/directories'
import { ioError } from '../io/files'

/** Makes the directory; throws `ERR_IO` where files cannot be made in it. */
export function prepare(op: string, directory: string): void {
  try {
    makeDirectory(directory)
    accessSync(directory, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw ioError(op, directory, error)
  }
}

/** Which family a saved model is of, as its directory tells. */
import { join } from 'node:path'
import { isObject } from '../check'
import { RnnativeError, told } from '../errors'
import { readJson } from '../io/files'
import { CONFIG_FILE, findModel } from '../io/model-directory'

/** That of several, by `model_type`, which a directory holds a model of; `ERR_FORMAT` for another. */
export async function familyOf<T>(
  directory: string,
  families: ReadonlyMap<unknown, T>,
): Promise<T> {
  const path = join(await findModel(directory), CONFIG_FILE)
  const config = await readJson(path)
  const type = isObject(config) ? config['model_type'] : undefined
  const found = families.get(type)
  if (found !== undefined) return found
  throw new RnnativeError(
    'ERR_FORMAT',
    `[load] ${path}: model_type: expected one of ${[...families.keys()].join(', ')}, got ${told(type)}`,
  )
}

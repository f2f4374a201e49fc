/** What files of ours hold: rows of a schema, as options are, and the format that they are written in. */
import { isObject, whole } from './check'
import { expect, RnnativeError, show, told } from './errors'
import { idle, Schema, type Given, type Made, type Refuse, type Rows } from './schema'

/** Makes the error of a file that has this problem. */
export type Fail = (problem: string) => RnnativeError

/** The format of `config.json` and `state.json`: another one when an earlier version would misread them. */
export const FORMAT = 1

/** Throws unless this version of rnnative reads the format, which the file has under `name`. */
export function checkFormat(format: unknown, name: string, fail: Fail): void {
  if (whole(format, 1) && format <= FORMAT) return
  throw fail(
    whole(format, 1)
      ? `${name}: this is format ${format}, of a later version of rnnative; this one reads up to ${FORMAT}`
      : `${name}: expected ${FORMAT}, got ${show(format)}`,
  )
}

/** A JSON file whose format stands under `formatName`. */
export class FileSchema<R extends Rows> extends Schema<R> {
  constructor(
    op: string,
    rows: R,
    private readonly formatName: string,
    rules?: (options: Made<R>, refuse: Refuse) => void,
  ) {
    super(op, rows, rules)
  }

  /** What a file says; `ERR_FORMAT` names what is wrong. Names that it has besides are let pass. */
  read(json: unknown, fail: Fail): Made<R> {
    if (!isObject(json)) throw fail('expected an object')
    checkFormat(json[this.formatName], this.formatName, fail)
    try {
      const saved = complete(this.op, this.rows, json, '')
      // Earlier versions took what does not count.
      for (const [name] of idle(this.rows, saved)) Reflect.deleteProperty(saved, name)
      return this.resolve(saved as Given<R>)
    } catch (error) {
      throw error instanceof RnnativeError ? fail(error.message) : error
    }
  }
}

/** The options of a model, with its `config.json`. */
export class ModelSchema<R extends Rows> extends FileSchema<R> {
  constructor(
    op: string,
    /** `model_type` in `config.json`. */
    readonly type: string,
    rows: R,
    rules?: (options: Made<R>, refuse: Refuse) => void,
  ) {
    super(op, rows, 'version', rules)
  }

  /** What `config.json` holds. */
  toJSON(options: Made<R>): object {
    return { model_type: this.type, version: FORMAT, ...options }
  }

  /** Options from a `config.json` that was read from `path`; `ERR_FORMAT` names what is wrong. */
  parse(json: unknown, path: string): Made<R> {
    const fail: Fail = (problem) => new RnnativeError('ERR_FORMAT', `[load] ${path}: ${problem}`)
    if (isObject(json) && json['model_type'] !== this.type)
      throw fail(`model_type: expected ${this.type}, got ${told(json['model_type'])}`)
    return this.read(json, fail)
  }
}

/** A saved file tells all but what came later, which is what it was formerly. */
function complete(op: string, rows: Rows, saved: Record<string, unknown>, prefix: string): object {
  const all: Record<string, unknown> = {}
  for (const [name, row] of Object.entries(rows)) {
    const path = prefix + name
    const found = saved[name] === undefined ? row.formerly : saved[name]
    expect(op, path, found !== undefined || row.optional, row.expected, found)
    all[name] = row.rows && isObject(found) ? complete(op, row.rows, found, `${path}.`) : found
  }
  return all
}

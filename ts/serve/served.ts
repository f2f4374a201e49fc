/** A saved model that is served, and replaced by what is saved in its place without a request being dropped. */
import { basename, resolve } from 'node:path'
import { RnnativeError } from '../errors'
import { Batcher } from './batcher'
import { disposeServable, loadServable, type Servable } from './families'
import type { BatcherOptions } from './options'
import type { Verbs } from './verb'

interface Loaded {
  model: Servable
  type: string
  batcher: Batcher
}

/** All that requests may say to it. */
const interfaceOf = (verbs: Verbs): string => JSON.stringify(verbs)

export class Served {
  private reloading: Promise<void> | null = null
  /** What was replaced and still works for who had asked it. */
  private readonly leaving = new Set<Promise<void>>()

  private constructor(
    readonly name: string,
    private readonly directory: string,
    private readonly options: BatcherOptions,
    private current: Loaded,
  ) {}

  /** `ERR_IO`, `ERR_FORMAT`. */
  static async load(name: string, directory: string, options: BatcherOptions): Promise<Served> {
    return new Served(name, directory, options, await load(directory, options))
  }

  get batcher(): Batcher {
    return this.current.batcher
  }

  get type(): string {
    return this.current.type
  }

  /** Loads what is there now; requests go to it from then on. The old model stays where that fails. */
  reload(): Promise<void> {
    this.reloading ??= this.replace().finally(() => (this.reloading = null))
    return this.reloading
  }

  private async replace(): Promise<void> {
    const next = await load(this.directory, this.options)
    const old = this.current
    if (interfaceOf(next.batcher.verbs) !== interfaceOf(old.batcher.verbs)) {
      await end(next)
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[serve] ${this.directory}: expected a model that is asked the same as before (${old.type}), got another: start the server anew`,
      )
    }
    this.current = next
    const leaving = end(old).finally(() => this.leaving.delete(leaving))
    this.leaving.add(leaving)
  }

  /** Resolves when all that was asked has its result; with `now` it ends with `ERR_ABORTED`. */
  async close(options: { now?: boolean } = {}): Promise<void> {
    await this.reloading?.catch(() => undefined)
    await end(this.current, options)
    await Promise.all(this.leaving)
  }
}

async function load(directory: string, options: BatcherOptions): Promise<Loaded> {
  const { model, type } = await loadServable(directory)
  return { model, type, batcher: new Batcher(model, options) }
}

async function end({ model, batcher }: Loaded, options: { now?: boolean } = {}): Promise<void> {
  await batcher.close(options)
  await disposeServable(model)
}

/** Names of models as paths of requests have them, which are those of their directories. `ERR_ARGUMENT`. */
export function namesOf(directories: readonly string[]): Map<string, string> {
  const names = new Map<string, string>()
  for (const directory of directories) {
    const name = basename(resolve(directory)).replace(/[^\w.-]/g, '-')
    const other = names.get(name)
    if (other !== undefined)
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[serve] model: expected directories of different names, got ${other} and ${directory}`,
      )
    names.set(name, directory)
  }
  return names
}

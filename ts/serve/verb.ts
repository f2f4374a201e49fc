/** What models do with inputs, as requests ask for it: the same few verbs whatever the family. */
import type { JsonSchema, Properties } from './json-schema'

/** Options of a request, checked by whoever takes them. */
export type VerbOptions = Readonly<Record<string, unknown>>

/** What a model does with inputs, several at a time. */
export interface Verb {
  readonly about: string
  readonly input: JsonSchema
  /** What a request may say besides, under the names of the family's own options. */
  readonly options: Properties
  readonly result: JsonSchema
  /** A result for each input, which does not depend on the others. */
  run(inputs: readonly unknown[], options: VerbOptions, signal: AbortSignal): Promise<unknown[]>
  /** The result for one input piece by piece. */
  stream?(
    input: unknown,
    options: VerbOptions,
    signal: AbortSignal,
  ): AsyncGenerator<string, void, void>
}

export type Verbs = Readonly<Partial<Record<string, Verb>>>

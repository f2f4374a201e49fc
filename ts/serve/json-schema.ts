/** The parts of JSON Schema that bodies of requests are described by. */

export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
}

export type Properties = Readonly<Record<string, JsonSchema>>

/** A whole number of at least `least`; of requests there is a most, too: one of them is not to keep all others waiting. */
export const wholes = (description: string, least: number, most = 2 ** 31 - 1): JsonSchema => ({
  ...{ type: 'integer', description, minimum: least, maximum: most },
})

export const numbers = (description: string, most?: number): JsonSchema => ({
  ...{ type: 'number', description, minimum: 0, ...(most !== undefined && { maximum: most }) },
})

export const flags = (description: string): JsonSchema => ({ type: 'boolean', description })

export const texts = (description: string): JsonSchema => ({ type: 'string', description })

export const lists = (items: JsonSchema, description?: string): JsonSchema => ({
  ...{ type: 'array', items, ...(description !== undefined && { description }) },
})

/** An object that has these, and may have others. */
export const objects = (properties: Properties): JsonSchema => ({ type: 'object', properties })

const NUMBER: JsonSchema = { type: 'number' }
export const NUMBERS = lists(NUMBER)
export const TEXT: JsonSchema = { type: 'string' }
export const TEXTS = lists(TEXT)

/** A text, or a list of them. */
export const TEXT_OR_TEXTS: JsonSchema = { anyOf: [TEXT, { ...TEXTS, minItems: 1 }] }

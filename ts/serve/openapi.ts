/** The description of a server's interface, which it serves itself. */
import { lists, objects, TEXT, type JsonSchema } from './json-schema'
import type { Served } from './served'
import type { Verb } from './verb'

export interface BodyLimits {
  /** Inputs of a request. */
  readonly inputs: number
  /** Characters of a text, and entries of a list. */
  readonly length: number
}

/** The same with bounds on texts and lists. */
function bounded(schema: JsonSchema, length: number): JsonSchema {
  const { type, anyOf, items, properties } = schema
  return {
    ...schema,
    ...(type === 'string' && { maxLength: length }),
    ...(type === 'array' && { maxItems: Math.min(schema.maxItems ?? Infinity, length) }),
    ...(items && { items: bounded(items, length) }),
    ...(anyOf && { anyOf: anyOf.map((one) => bounded(one, length)) }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, one]) => [name, bounded(one, length)]),
      ),
    }),
  }
}

/** Of a request: inputs, what to do with them, and whether the result is to come in pieces. */
export function bodyOf(verb: Verb, limits: BodyLimits): JsonSchema {
  const own = objects(verb.options)
  const { properties } = bounded(own, limits.length)
  return {
    type: 'object',
    required: ['inputs'],
    additionalProperties: false,
    properties: {
      inputs: {
        ...lists(bounded(verb.input, limits.length)),
        ...{ minItems: 1, maxItems: limits.inputs },
      },
      ...(verb.stream && {
        stream: { type: 'boolean', description: 'of one input: pieces as server-sent events' },
      }),
      ...properties,
    },
  }
}

export const pathOf = (model: string, verb: string): string => `/v1/models/${model}/${verb}`

const json = (schema: JsonSchema | { $ref: string }) => ({ 'application/json': { schema } })

const REFUSALS: Readonly<Record<string, string>> = {
  400: 'The body, or an option, makes no sense',
  401: 'The token is missing or another',
  413: 'The body is too large',
  503: 'As many wait as may; Retry-After says when to come again',
  504: 'It took too long',
}

const refusals = Object.fromEntries(
  Object.entries(REFUSALS).map(([status, description]) => [
    status,
    { description, content: json({ $ref: '#/components/schemas/Error' }) },
  ]),
)

function operation(model: string, name: string, verb: Verb, limits: BodyLimits) {
  const pieces = verb.stream && {
    'text/event-stream': {
      schema: {
        type: 'string',
        description:
          'events "piece" with { text }, then "done" or "error"; they stop when the client leaves',
      },
    },
  }
  return {
    operationId: `${model}.${name}`,
    summary: `${model}: ${verb.about}`,
    requestBody: { required: true, content: json(bodyOf(verb, limits)) },
    responses: {
      200: {
        description: 'A result for each input, in their order',
        content: { ...json(objects({ results: lists(verb.result) })), ...pieces },
      },
      ...refusals,
    },
  }
}

/** A thing to read; `mime`: of what is no JSON. */
const reading = (summary: string, mime = 'application/json') => ({
  get: { summary, responses: { 200: { description: summary, content: { [mime]: {} } } } },
})

export function openapi(models: readonly Served[], limits: BodyLimits, secured: boolean): object {
  const verbs = models.flatMap(({ name: model, batcher }) =>
    Object.entries(batcher.verbs).map(([name, verb]) => [
      pathOf(model, name),
      { post: operation(model, name, verb as Verb, limits) },
    ]),
  )
  return {
    openapi: '3.1.0',
    info: { title: 'Models served by rnnative', version: '1' },
    paths: {
      ...Object.fromEntries(verbs),
      '/v1/models': reading('The models and what they may be asked'),
      '/health': reading('Whether the server lives'),
      '/ready': reading('Whether it takes requests'),
      '/metrics': reading('What it counts, for Prometheus', 'text/plain'),
      '/openapi.json': reading('This description'),
    },
    components: {
      schemas: { Error: objects({ error: objects({ code: TEXT, message: TEXT }) }) },
      ...(secured && { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } }),
    },
    ...(secured && { security: [{ token: [] }] }),
  }
}

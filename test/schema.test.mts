import test from 'ava'
import { choice, count, custom, flag, fraction, group } from '#dist/schema.js'
import { type Given, type Made } from '#dist/schema.js'
import { ModelSchema } from '#dist/file-schema.js'
import { CELL_NAMES, cellOf, HAS_C } from '#dist/models/parts/recurrent-options.js'
import { gatesOf, hasC } from '#dist/ops/index.js'

const schema = new ModelSchema(
  'toy',
  'rnnative.Toy',
  {
    size: count({ about: 'a size', default: 4 }),
    width: count({ about: 'another', default: ({ size }: { size: number }) => 2 * size }),
    part: group(
      {
        deep: flag({ about: 'whether', default: false }),
        size: count({
          about: 'its size',
          default: ({ size }: { size: number }, { deep }: { deep: boolean }) =>
            deep ? size + 1 : size,
        }),
      },
      'a part',
    ),
    kind: choice(['a', 'b', 'c'], { about: 'a kind', default: 'a' }),
    share: fraction({ about: 'a share', default: 0, formerly: 0.5 }),
    limit: count({ about: 'a limit' }),
    pair: custom<[number, number]>()(
      {
        expected: 'two numbers',
        valid: (value) => Array.isArray(value) && value.length === 2,
        argument: '<a,b>',
        read: (text) => text.split(',').map(Number),
      },
      { about: 'a pair' },
    ),
  },
  ({ size, limit }, refuse) =>
    refuse('limit', limit === undefined || limit >= size, `at least ${size}`, limit),
)

// What the compiler makes of it.
const typed: Given<typeof schema.rows> = { kind: 'b', part: { deep: true }, pair: [1, 2] }
const made: Made<typeof schema.rows> = schema.resolve(typed)
const names: 'a' | 'b' | 'c' = made.kind
const optional: number | undefined = made.limit
const certain: number = made.part.size
// @ts-expect-error: no such kind
const wrong: Given<typeof schema.rows> = { kind: 'd' }

test('defaults, some from the rows above', (t) => {
  t.deepEqual(schema.resolve({}), {
    ...{ size: 4, width: 8, part: { deep: false, size: 4 }, kind: 'a', share: 0 },
  })
  t.deepEqual(made, {
    ...{ size: 4, width: 8, part: { deep: true, size: 5 }, kind: 'b', share: 0, pair: [1, 2] },
  })
  t.deepEqual([names, optional, certain], ['b', undefined, 5])
  // What is undefined was not given.
  t.deepEqual(schema.resolve({ size: undefined, ...{ other: undefined } }), schema.resolve({}))
  // Of a larger object, whose names were looked at before.
  const larger: object = { other: 1 }
  t.deepEqual(schema.resolve(larger, null), schema.resolve({}))
  t.deepEqual(schema.resolve(larger, ['other']), schema.resolve({}))
})

test('a value that makes no sense is refused by name', (t) => {
  const refused = (given: object, message: string) =>
    t.throws(() => schema.resolve(given), { code: 'ERR_ARGUMENT', message })
  refused({ size: 0 }, '[toy] size: expected a whole number above 0, got 0')
  refused({ size: '4' }, '[toy] size: expected a whole number above 0, got "4"')
  refused({ part: 7 }, '[toy] part: expected an object, got 7')
  refused({ part: null }, '[toy] part: expected an object, got null')
  refused({ part: { deep: 1 } }, '[toy] part.deep: expected true or false, got 1')
  refused(wrong, '[toy] kind: expected one of a, b, c, got "d"')
  refused({ share: 1 }, '[toy] share: expected a number in [0, 1), got 1')
  refused({ pair: [1] }, '[toy] pair: expected two numbers, got [1]')
  refused({ limit: 3 }, '[toy] limit: expected at least 4, got 3')
  refused({ sise: 3 }, '[toy] sise: is no option here; did you mean size?')
  refused({ part: { dep: true } }, '[toy] part.dep: is no option here; did you mean deep?')
  refused({ part: { other: 1 } }, '[toy] part.other: is no option here; expected deep, size')
})

test('config.json holds the options and gives them back', (t) => {
  for (const given of [{}, typed, { limit: 9 }]) {
    const options = schema.resolve(given)
    const json = JSON.parse(JSON.stringify(schema.toJSON(options))) as Record<string, unknown>
    t.like(json, { model_type: 'rnnative.Toy', version: 1 })
    t.deepEqual(schema.parse(json, 'x'), options)
  }
})

test('an option that came later is what it was formerly', (t) => {
  const { share: _, ...old } = schema.toJSON(made) as { share: number }
  t.is(schema.parse(old, 'x').share, 0.5)
})

test('a config.json that does not fit is refused', (t) => {
  const json = schema.toJSON(made) as Record<string, unknown>
  const refused = (config: unknown, message: string) =>
    t.throws(() => schema.parse(config, 'c.json'), {
      code: 'ERR_FORMAT',
      message: `[load] c.json: ${message}`,
    })
  refused(7, 'expected an object')
  refused([], 'expected an object')
  refused({}, 'model_type: expected rnnative.Toy, got undefined')
  const later = 'this is format 2, of a later version of rnnative; this one reads up to 1'
  refused({ ...json, version: 2 }, `version: ${later}`)
  for (const version of [undefined, null, 0, 1.5, '1'])
    refused(
      { ...json, version },
      `version: expected 1, got ${typeof version === 'string' ? '"1"' : version}`,
    )
  refused({ ...json, size: -1 }, '[toy] size: expected a whole number above 0, got -1')
  refused({ ...json, part: null }, '[toy] part: expected an object, got null')
  refused(
    { ...json, part: { deep: true } },
    '[toy] part.size: expected a whole number above 0, got undefined',
  )
  refused(
    { ...json, size: undefined },
    '[toy] size: expected a whole number above 0, got undefined',
  )
})

test("cells' names are those that layers know", (t) => {
  const known = Object.keys(gatesOf)
  for (const name of CELL_NAMES) {
    t.true(known.includes(cellOf(name)))
    t.is(HAS_C[name], hasC[cellOf(name)])
  }
})

test('an option that counts nowhere is refused, unless a file has it from before', (t) => {
  const own = new ModelSchema('tool', 'rnnative.Tool', {
    kind: choice(['saw', 'drill'], { about: 'what it is', default: 'saw' }),
    teeth: count({
      ...{ about: 'teeth of a saw', default: 9 },
      only: ['the kind saw', ({ kind }: { kind: unknown }) => kind === 'saw'],
    }),
    bits: count({
      about: 'what it turns',
      only: ['the kind drill', ({ kind }: { kind: unknown }) => kind === 'drill'],
    }),
  })
  t.deepEqual(own.resolve({ teeth: 3 }), { kind: 'saw', teeth: 3 })
  t.deepEqual(own.resolve({ kind: 'drill', teeth: 9, bits: 2 }), {
    kind: 'drill',
    teeth: 9,
    bits: 2,
  })
  const refused = (message: string) => ({ code: 'ERR_ARGUMENT', message })
  t.throws(
    () => own.resolve({ kind: 'drill', teeth: 3 }),
    refused('[tool] teeth: expected none without the kind saw, got 3'),
  )
  t.throws(
    () => own.resolve({ bits: 3 }),
    refused('[tool] bits: expected none without the kind drill, got 3'),
  )
  const saved = { model_type: own.type, version: 1, kind: 'drill', teeth: 3, bits: 2 }
  t.deepEqual(own.parse(saved, 'c.json'), { kind: 'drill', teeth: 9, bits: 2 })
})

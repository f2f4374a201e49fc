/** What every kernel makes of the same draws, against the reference; and what no table survives is refused. */
import test from 'ava'
import { native, type NativeTensor } from '#dist/native/index.js'
import type { EmbedTrainOptions } from '#dist/ops/embed-train.js'
import { near, type Named } from '../support/compare.mjs'
import { download, Draw, ints, upload } from '../support/host.mjs'
import { describe, kernels, REFERENCE, type Variant } from '../support/op.mjs'

const [WORDS, FEATURES, DOCUMENTS] = [37, 48, 5]

const options: EmbedTrainOptions = {
  ...{ model: 'skipgram', loss: 'negative', window: 3, shrink: true, negative: 5 },
  ...{ frozen: 0, alike: false, threads: 1, classes: 1, lrBegin: 0.1, lrEnd: 0.05 },
  random: { key: native.streamKey(3, 'embed'), step: 4, sampleBase: 0 },
}

/** A text of two blocks and more: sentences of 0 to 60 words. */
function text(labels: number) {
  const draw = new Draw(5)
  const starts = [0]
  while ((starts.at(-1) as number) < 2500)
    starts.push((starts.at(-1) as number) + draw.below(draw.below(4) === 0 ? 61 : 9))
  const count = starts.at(-1) as number
  return {
    tokens: ints([count], draw.ints([count], WORDS).data),
    starts: ints([starts.length], starts),
    labels: draw.ints([starts.length - 1], labels),
  }
}

/** A chain for Huffman's tree: word i goes left i times, so paths are long. */
function chain(words: number) {
  const paths: number[] = []
  const starts = [0]
  for (let i = 0; i < words; ++i) {
    for (let node = 0; node <= Math.min(i, words - 2); ++node)
      paths.push(2 * node + Number(node === i))
    starts.push(paths.length)
  }
  return { starts: ints([starts.length], starts), paths: ints([paths.length], paths) }
}

interface Case {
  given?: Partial<EmbedTrainOptions>
  parts?: boolean
  keep?: boolean
  /** Every sentence is a document of its own. */
  apart?: boolean
}

async function train({ device, isa, threads }: Variant, { given, parts, keep, apart }: Case) {
  native.setThreads(threads)
  if (isa !== undefined) native.setIsa(isa)
  const draw = new Draw(7)
  const made: NativeTensor[] = []
  const put = (host: Parameters<typeof upload>[1]) => {
    const tensor = upload(device, host)
    made.push(tensor)
    return tensor
  }
  const all = { ...options, ...given }
  const padded = (rows: number, scale: number) => {
    const host = draw.reals([rows, FEATURES], -scale, scale)
    return { ...host, data: host.data.map((x, i) => (i % FEATURES < FEATURES - 5 ? x : 0)) }
  }
  const documents = all.model.startsWith('document')
  const { tokens, starts, ...drawn } = text(documents ? DOCUMENTS : WORDS - 1)
  const own = ints(drawn.labels.shape, [...drawn.labels.data.keys()])
  const labels = apart ? own : drawn.labels
  const rows = parts ? 2 * WORDS : WORDS
  const lists = Array.from({ length: WORDS }, (_, i) => [
    i,
    ...(i % 3 ? [WORDS + i, WORDS + 2] : []),
  ])
  const partStarts = lists.reduce(
    (ends, list) => [...ends, (ends.at(-1) as number) + list.length],
    [0],
  )
  const tree = chain(WORDS)
  const tables = {
    table: put(padded(rows, 0.5)),
    output: put(padded(all.loss === 'hierarchical' ? WORDS - 1 : WORDS, 0.5)),
    documents: documents ? put(padded(apart ? own.data.length : DOCUMENTS, 0.5)) : null,
  }
  const choices = Array.from({ length: WORDS }, (_, i) => [2 ** 30, (7 * i) % WORDS]).flat()
  const hierarchical = all.loss === 'hierarchical'
  const losses = native.embedTrain(
    all,
    ...([tables.table, tables.output, tables.documents, put(tokens), put(starts)] as const),
    documents || all.model === 'labels' ? put(labels) : null,
    [
      parts ? put(ints([WORDS + 1], partStarts)) : null,
      parts ? put(ints([lists.flat().length], lists.flat())) : null,
      keep
        ? put(
            ints(
              [WORDS],
              Array.from({ length: WORDS }, (_, i) => i * 2 ** 25),
            ),
          )
        : null,
      all.loss === 'negative' ? put(ints([WORDS, 2], choices)) : null,
      hierarchical ? put(tree.starts) : null,
      hierarchical ? put(tree.paths) : null,
    ],
  )
  made.push(losses)
  const found: Named = { losses: await download(losses) }
  for (const [name, tensor] of Object.entries(tables))
    if (tensor) found[name] = await download(tensor)
  for (const tensor of made) native.dispose(tensor)
  return found
}

const cases: Record<string, Case> = {
  'skip-gram': {},
  'skip-gram, words left out': { keep: true },
  'skip-gram of parts': { parts: true, given: { shrink: false } },
  'skip-gram, hierarchical': { given: { loss: 'hierarchical' } },
  'continuous bag': { given: { model: 'cbow' } },
  'continuous bag of parts, 11 negatives': { parts: true, given: { model: 'cbow', negative: 11 } },
  'continuous bag, all words': { given: { model: 'cbow', loss: 'softmax' } },
  documents: { given: { model: 'document' } },
  'documents, outputs as they are': { given: { model: 'document', frozen: 3, alike: true } },
  'documents and words near': { given: { model: 'documentContext' }, keep: true },
  labels: { given: { model: 'labels', loss: 'softmax' } },
  'labels, negative': { given: { model: 'labels' } },
  'labels, hierarchical': { given: { model: 'labels', loss: 'hierarchical' } },
}

for (const [name, one] of Object.entries(cases))
  test.serial(`${name}: as the reference`, async (t) => {
    const expected = await train(REFERENCE, one)
    t.true(Number.isFinite(expected['losses']?.[0]))
    for (const variant of kernels()) {
      const where = `${name}, ${describe(variant)}`
      if (variant.device === 'cuda') continue
      const got = await train(variant, one)
      near(t, got, expected, 2e-4, where)
      t.deepEqual(await train(variant, one), got, `${where}: the same bits again`)
      if (one.given?.frozen === 3) {
        const { table, output } = got
        const before = await train(variant, { given: { ...one.given, lrBegin: 0, lrEnd: 0 } })
        t.deepEqual({ table, output }, { table: before['table'], output: before['output'] })
      }
      // What is behind a vector stays zero.
      t.true(got['table']?.every((x, i) => i % FEATURES < FEATURES - 5 || x === 0))
    }
  })

test.serial('two threads learn as well as one', async (t) => {
  const [one, two] = await Promise.all([
    train({ device: 'cpu', threads: 1 }, {}),
    train({ device: 'cpu', threads: 2 }, { given: { threads: 2 } }),
  ])
  t.is(two['losses']?.[1], one['losses']?.[1])
  t.true(Math.abs((two['losses']?.[0] as number) / (one['losses']?.[0] as number) - 1) < 0.02)
})

test.serial('negatives in classes are drawn apart by several threads', async (t) => {
  const apart = { classes: 4 }
  const alone: Variant = { device: 'cpu', threads: 1 }
  t.deepEqual(await train(alone, { given: apart }), await train(alone, {}))
  const [four, two] = [{ ...apart, threads: 2 }, { threads: 2 }]
  const got = await train({ device: 'cpu', threads: 2 }, { given: four })
  const usual = await train({ device: 'cpu', threads: 2 }, { given: two })
  t.is(got['losses']?.[1], usual['losses']?.[1])
  // A quarter of so few words is easily told from the others.
  t.true((got['losses']?.[0] as number) > 0)
  t.true((got['losses']?.[0] as number) < 1.02 * (usual['losses']?.[0] as number))
  // What draws alike does not depend on threads, where no two sentences move the same row.
  const given = { model: 'document', frozen: 3, alike: true, classes: 4 } as const
  const team: Variant = { device: 'cpu', threads: 2 }
  const documents = await train(team, { apart: true, given: { ...given, threads: 2 } })
  t.deepEqual(documents['documents'], (await train(alone, { apart: true, given }))['documents'])
})

test.serial('numbers out of range are refused when it runs, and change nothing', async (t) => {
  const list = (...values: number[]) =>
    native.fromData('cpu', 'i32', [values.length], Int32Array.from(values))
  const pairs = (...values: number[]) =>
    native.fromData('cpu', 'i32', [values.length / 2, 2], Int32Array.from(values))
  const call = async (tokens: NativeTensor, starts: NativeTensor, choices: NativeTensor) => {
    const table = native.full('cpu', 'f32', [3, 16], 1)
    const output = native.full('cpu', 'f32', [3, 16], 1)
    const none = [null, null, null, choices, null, null] as const
    const losses = native.embedTrain(options, table, output, null, tokens, starts, null, none)
    const result = native.read(losses)
    await t.throwsAsync(result, { code: 'ERR_INDEX' })
    t.true((await native.read(table)).every((x) => x === 1))
  }
  const fine = () => pairs(0, 0, 0, 1, 0, 2)
  await call(list(0, 3), list(0, 2), fine())
  await call(list(0, -1), list(0, 2), fine())
  await call(list(0, 1), list(0, 3), fine())
  await call(list(0, 1), list(1, 0), fine())
  await call(list(0, 1), list(-1, 2), fine())
  await call(list(0, 1), list(0, 2), pairs(0, 0, 0, 1, 0, 3))
})

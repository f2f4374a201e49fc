import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { io } from 'rnnative'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const at = (name: string) => join(directory, name)
const TEXT = '4 2\nking 1 0.1\nqueen 0.9 -1e-7\nman 0.1 1\nwährung -0.333333343 12345.678\n'
writeFileSync(at('in.vec'), TEXT)

test('text and binary, there and back, bit for bit', async (t) => {
  const vectors = await io.readVectors(at('in.vec'))
  for (const name of ['out.vec', 'out.bin', 'out.txt']) {
    await io.writeVectors(at(name), vectors)
    const read = await io.readVectors(at(name))
    t.deepEqual([...read.words()], [...vectors.words()], name)
    for (const word of vectors.words()) t.deepEqual(read.get(word), vectors.get(word), name)
  }
  t.is(readFileSync(at('out.vec'), 'utf8').split('\n')[2], 'queen 0.9 -1e-7')
  const binary = readFileSync(at('out.bin'))
  t.is(binary.subarray(0, 9).toString(), '4 2\nking ')
  t.is(binary.readFloatLE(9), 1)
  await io.writeVectors(at('forced.bin'), vectors, { format: 'text' })
  t.is(readFileSync(at('forced.bin'), 'utf8'), readFileSync(at('out.vec'), 'utf8'))
})

test('nearest, analogy and similarity', async (t) => {
  const path = at('plane.vec')
  writeFileSync(path, 'man 1 0 0\nwoman 1 1 0\nking 1 0 1\nqueen 1 1 1\nnone 0 0 0\n')
  const vectors = await io.readVectors(path)
  const [first, ...others] = await vectors.nearest('queen')
  t.is(others.length, 3)
  t.is(first?.word, 'woman')
  t.true(Math.abs((first?.similarity as number) - 2 / Math.sqrt(6)) < 1e-6)
  t.is(vectors.similarity('none', 'man'), 0)
  t.deepEqual((await vectors.analogy('man', 'woman', 'king', { count: 1 }))[0]?.word, 'queen')
  const same = await vectors.nearest([2, 0, 2], { count: 2 })
  t.deepEqual(
    same.map(({ word }) => word),
    ['king', 'queen'],
  )
  const score = vectors.evaluate([
    ['Man', 'king', 3],
    ['queen', 'woman', 9],
    ['man', 'queen', 1],
    ['man', 'dog', 1],
  ])
  t.deepEqual([score.covered, score.pairs], [3, 4])
  t.is(score.correlation, 1)
})

test('what is wrong is named', async (t) => {
  const vectors = await io.readVectors(at('in.vec'))
  await t.throwsAsync(vectors.nearest('dog'), { code: 'ERR_ARGUMENT', message: /"dog"/ })
  await t.throwsAsync(vectors.nearest([1]), { code: 'ERR_SHAPE' })
  await t.throwsAsync(vectors.nearest('king', { count: 0 }), { message: /count: expected/ })
  await t.throwsAsync(io.writeVectors(at('x'), {} as io.Vectors), { message: /vectors: expected/ })
  writeFileSync(at('space.vec'), '2 2\nthe 1 2\nNew York 1 2\n')
  const spaced = await io.readVectors(at('space.vec'))
  t.is(spaced.size, 2)
  await t.throwsAsync(io.writeVectors(at('x'), spaced), { message: /"New York": expected a word/ })
})

/**
 * The package in a vm context, as Jest and Vitest's vm pools load it: arrays, errors and promises of the addon are of
 * another realm, and so is what the context's own code makes.
 */
import test from 'ava'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import vm from 'node:vm'

const dist = path.resolve('dist')
// No Symbol.dispose in there, as under Jest 29.
const context = vm.createContext({
  ...{ process, Buffer, performance, AbortController, AbortSignal, TextDecoder, console },
  ...{ setTimeout, clearTimeout, setImmediate, structuredClone },
})
const cache = new Map<string, { exports: unknown }>()

function load(file: string): unknown {
  const known = cache.get(file)
  if (known) return known.exports
  const module = { exports: {} as unknown }
  cache.set(file, module)
  const real = createRequire(file)
  const require = (id: string): unknown => {
    const found = real.resolve(id)
    return found.startsWith(dist) ? load(found) : real(id)
  }
  const names = ['exports', 'require', 'module', '__filename', '__dirname']
  const source = fs.readFileSync(file, 'utf8').replace(/^#!.*/, '')
  vm.compileFunction(source, names, { parsingContext: context, filename: file })(
    ...[module.exports, require, module, file, path.dirname(file)],
  )
  return module.exports
}

type Package = typeof import('rnnative')
const rnnative = load(path.join(dist, 'index.js')) as Package
const evaluate = (code: string): unknown => vm.runInContext(code, context)

test('arrays, errors and promises of another realm', async (t) => {
  const { ops, RnnativeError, scope, tensor, zeros } = rnnative
  const ids = evaluate('Int32Array.of(9, 1)') as Int32Array
  t.false(ids instanceof Int32Array)
  t.is(tensor(ids).dtype, 'i32')
  t.is(tensor(await tensor(ids).data()).dtype, 'i32')
  const failed = ops.embedding(tensor(ids), zeros([2, 2])).data()
  const error = await failed.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.true(error instanceof RnnativeError)
  t.is((error as { code?: string }).code, 'ERR_INDEX')
  t.throws(() => zeros([-1]), { code: 'ERR_SHAPE', any: true } as object)
  t.throws(() => scope(evaluate('async () => 1') as () => unknown), { any: true } as object)
  const made = scope(() => ({ a: zeros([1]), b: new Map([['c', zeros([1])]]) }))
  t.false(made.a.disposed || made.b.get('c')?.disposed)
})

test('models learn, are saved, loaded, translate and generate', async (t) => {
  const { LanguageModel, optim, Seq2Seq, Tokenizer } = rnnative
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'rnnative-realm-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true }))
  const tokenizer = Tokenizer.characters('abc')
  const lm = new LanguageModel({ tokenizer, hidden: 4, layers: 1, seed: 1 })
  const { signal } = new AbortController()
  const checkpoint = path.join(directory, 'run')
  const optimizer = optim.adam()
  const steps = { batch: 2, steps: 5, maxSteps: 2, evaluateEvery: 1, signal, optimizer }
  await lm.fit('abc'.repeat(50), { ...steps, checkpoint, validation: 'abcabc' })
  t.is((await lm.fit(Int32Array.of(1, 2, 3, 1, 2, 3), { batch: 1, steps: 2 })).step, 3)
  const saved = path.join(directory, 'model')
  await lm.save(saved)
  const loaded = await LanguageModel.load(saved)
  let text = ''
  for await (const piece of loaded.generate('a', { length: 3, signal })) text += piece
  t.is(text.length, 3)
  const pairs = new Seq2Seq({ source: tokenizer, target: tokenizer, hidden: 4, seed: 1 })
  await pairs.fit([['ab', 'ba']], { maxSteps: 1, signal })
  t.is((await pairs.translate(['ab'], { beam: 2, signal })).length, 1)
  t.is((await pairs.score([['ab', 'ba']])).length, 1)
  await Promise.all([lm, loaded, pairs].map((model) => model.dispose()))
})

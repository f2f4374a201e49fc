// Run by scripts/test-package.sh under Jest and, with `import` for `require`, in each of Vitest's pools. Both give tests
// built-in classes of a realm of their own, other than that of the addon and of Node's modules.
/* global test, expect */
const { mkdtempSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { data, io, LanguageModel, nn, ops, optim, RnnativeError } = require('rnnative')
const { scope, tensor, Tokenizer, Trainer, zeros } = require('rnnative')

const directory = () => mkdtempSync(join(tmpdir(), 'rnnative-runner-'))
const text = 'the quick brown fox jumps over the lazy dog. '.repeat(20)
const makeModel = () =>
  new LanguageModel({ tokenizer: Tokenizer.characters(text), layers: 1, hidden: 8, seed: 1 })
const settings = { batch: 4, steps: 10, maxSteps: 2 }

test('arrays go in and come back', async () => {
  const ids = tensor(Int32Array.of(1, 0))
  expect(ids.dtype).toBe('i32')
  expect(tensor(await ids.data()).dtype).toBe('i32')
  expect([...(await tensor([[1, 2], Float32Array.of(3, 4)]).data())]).toEqual([1, 2, 3, 4])
  const sums = scope(() => new Map([['all', ops.sum(ops.embedding(ids, zeros([2, 3])))]]))
  expect(await sums.get('all').item()).toBe(0)
})

test('errors have their class and code, at the call and later', async () => {
  const late = ops.embedding(tensor(Int32Array.of(9)), zeros([2, 2])).data()
  const error = await late.catch((error) => error)
  expect(error).toBeInstanceOf(RnnativeError)
  expect(error.code).toBe('ERR_INDEX')
  expect(() => zeros([2]).reshape(3)).toThrow(RnnativeError)
  await expect(LanguageModel.load(join(directory(), 'none'))).rejects.toMatchObject({
    code: 'ERR_IO',
  })
})

test('a model trains, saves, loads, keeps checkpoints and resumes', async () => {
  const [saved, run] = [directory(), directory()]
  const model = makeModel()
  const fit = { ...settings, checkpoint: run, validation: text, optimizer: optim.sgd({ lr: 0.1 }) }
  expect((await model.fit(text, fit)).step).toBe(2)
  await model.save(saved)
  const scores = await model.score(['the fox'])
  expect(await (await LanguageModel.load(saved)).score(['the fox'])).toEqual(scores)
  expect((await makeModel().fit(text, { ...fit, maxSteps: 3, resume: true })).step).toBe(3)
  const stopped = makeModel().fit(text, { ...settings, signal: AbortSignal.abort() })
  await expect(stopped.then()).rejects.toMatchObject({ code: 'ERR_ABORTED' })
})

test('a module of its own trains, and tensors go through a file', async () => {
  const module = new nn.Linear(2, 1, { seed: 1 })
  const examples = [1, 2, 3, 4].map((x) => ({ x: Float32Array.of(x, 1), label: x % 2 }))
  const trainer = new Trainer({
    module,
    feed: data.batches(examples, { rows: 2 }),
    loss: ({ x, label }) => {
      const y = module.forward(ops.transpose(x, 0, 1))
      return { sum: ops.sum(ops.square(y)), count: label.size }
    },
  })
  expect((await trainer.fit({ maxSteps: 2, optimizer: optim.adam() })).step).toBe(2)
  const file = join(directory(), 'weights.safetensors')
  await io.writeSafetensors(file, new Map([['w', { shape: [2], data: Float32Array.of(1, 2) }]]))
  expect([...(await io.readSafetensors(file)).tensors.get('w').data]).toEqual([1, 2])
})

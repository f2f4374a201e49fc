/** Dropout of whole tokens: `nn.Embedding({ dropout })`, `embeddingDropout` of models. */
import test from 'ava'
import { LanguageModel, nn, ops, Seq2Seq, tensor, Tokenizer, type Tensor } from 'rnnative'
import { DEVICES } from '../support/op.mjs'

const values = async (x: Tensor | null | undefined) => Array.from((await x?.data()) ?? [])
const IDS = Int32Array.from([3, 1, 3, 7, 0, 1, 9, 3, 9, 2, 5, 8])

for (const device of DEVICES)
  test(`${device}: a token is there or not wherever it occurs, and learns so`, async (t) => {
    using embedding = new nn.Embedding(10, 4, { dropout: 0.5, seed: 1, device })
    const random = new nn.RandomContext({ seed: 5 })
    embedding.setRandom(random)
    random.set({ step: 3 })
    const table = await values(embedding.weight)
    const read = (ids: Int32Array) => tensor(ids, [ids.length / 2, 2], { device })
    const y = embedding.forward(read(IDS))
    const rows = await values(y)
    const of = new Map<number, number>()
    IDS.forEach((id, at) => {
      const scale = rows[at * 4]! / table[id * 4]!
      t.true(scale === 0 || Math.abs(scale - 2) < 1e-6)
      t.is(of.get(id) ?? scale, scale)
      of.set(id, scale)
      for (let i = 1; i < 4; ++i) t.is(rows[at * 4 + i], scale * table[id * 4 + i]!)
    })
    t.is(new Set(of.values()).size, 2)
    ops.sum(y).backward()
    const gradient = await values(embedding.weight.grad)
    for (let id = 0; id < 10; ++id) {
      const met = IDS.filter((one) => one === id).length
      t.is(gradient[id * 4], met === 0 ? 0 : met * of.get(id)!, `${id}`)
    }
    // The same in the batch's parts, another in the next step, none in evaluation.
    random.set({ step: 3, sampleBase: 4 })
    t.deepEqual(await values(embedding.forward(read(IDS.subarray(4)))), rows.slice(16))
    random.set({ step: 4 })
    t.notDeepEqual(await values(embedding.forward(read(IDS))), rows)
    embedding.eval()
    const plain = Array.from(IDS).flatMap((id) => table.slice(id * 4, id * 4 + 4))
    t.deepEqual(await values(embedding.forward(read(IDS))), plain)
  })

test('masks are the same on all devices', async (t) => {
  const drawn = await Promise.all(
    DEVICES.map(async (device) => {
      using embedding = new nn.Embedding(50, 1, { dropout: 0.3, seed: 1, device })
      embedding.setRandom(new nn.RandomContext({ seed: 5 }))
      const ids = tensor(
        Int32Array.from({ length: 50 }, (_, i) => i),
        [50],
        { device },
      )
      return (await values(embedding.forward(ids))).map((value) => value === 0)
    }),
  )
  for (const one of drawn) t.deepEqual(one, drawn[0])
})

test('what is no probability is refused by name', (t) => {
  const refused = (make: () => unknown, message: RegExp) =>
    t.throws(make, { code: 'ERR_ARGUMENT', message })
  refused(() => new nn.Embedding(3, 2, { dropout: 1 }), /\[embedding\] dropout: expected a number/)
  const model = { tokenizer: Tokenizer.bytes(), embeddingDropout: -1 }
  refused(() => new LanguageModel(model), /\[language model\] embeddingDropout: expected a number/)
})

const text = 'the cat sat on the mat, and so did the rat.\n'.repeat(30)
for (const tieWeights of [false, true])
  test(`language models drop tokens of a step, in its parts alike; tied: ${tieWeights}`, async (t) => {
    const learn = async (embeddingDropout: number, fit: object = {}) => {
      await using model = new LanguageModel({
        ...{ tokenizer: Tokenizer.characters(text), hidden: 12, embedding: 12, seed: 3 },
        ...{ tieWeights, embeddingDropout },
      })
      const before = (await model.evaluate(text)).nats
      const { loss } = await model.fit(text, { steps: 20, batch: 4, maxSteps: 4, ...fit })
      return { before, loss, after: (await model.evaluate(text)).nats }
    }
    const [plain, dropped] = [await learn(0), await learn(0.4)]
    t.is(dropped.before, plain.before)
    t.not(dropped.loss, plain.loss)
    const parts = await learn(0.4, { accumulate: 2 })
    t.true(Math.abs(parts.after - dropped.after) < 1e-5)
    t.deepEqual(await learn(0.4), dropped)
  })

test('translators drop tokens in encoder and decoder, in training alone', async (t) => {
  const words = Tokenizer.spaces(['a b c'])
  const learn = async (embeddingDropout: number) => {
    await using model = new Seq2Seq({
      ...{ source: words, target: words, hidden: 6, seed: 3, embeddingDropout },
      tieEmbeddings: 'all',
    })
    t.is((model.network.encoder.embedding as nn.Embedding).dropout, embeddingDropout)
    t.is(model.network.decoder.embedding.dropout, embeddingDropout)
    const pairs: [string, string][] = [['a b c', 'c b a']]
    const [score] = await model.score(pairs)
    return [score, (await model.fit(pairs, { maxSteps: 1 })).loss]
  }
  const [plain, dropped] = [await learn(0), await learn(0.5)]
  t.deepEqual(dropped[0], plain[0])
  t.not(dropped[1], plain[1])
})

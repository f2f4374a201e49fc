/** Wrong input is refused by name, at once: what users of such packages pass by mistake. */
import test from 'ava'
import {
  data,
  LanguageModel,
  metrics,
  nn,
  ops,
  optim,
  randn,
  report,
  RnnativeError,
} from 'rnnative'
import { rescore, scheduledSampling, Seq2Seq, tensor, Tokenizer, Trainer, zeros } from 'rnnative'

const any = (value: unknown) => value as never
const cyclic: unknown[] = []
cyclic.push(cyclic)
const gone = new Float32Array(2)
structuredClone(gone, { transfer: [gone.buffer] })
const Resizable = ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer
const shrunk = new Float32Array(new Resizable(8, { maxByteLength: 8 }), 0, 2)
;(shrunk.buffer as unknown as { resize(n: number): void }).resize(0)

const x = zeros([2])
const lstm = new nn.LSTM({ input: 2, hidden: 2, seed: 1 })
const characters = Tokenizer.characters('abc')
const lm = new LanguageModel({ tokenizer: characters, hidden: 4, layers: 1, seed: 1 })
const pairs = new Seq2Seq({ source: characters, target: characters, hidden: 4, seed: 1 })
const text = 'abc'.repeat(200)
const run = (lengths: unknown) => lstm.forward(randn([2, 1, 2]), { lengths: any(lengths) })
const fit = (options: object) => lm.fit(text, { batch: 2, steps: 5, maxSteps: 1, ...options })

type Refusal = [call: () => unknown, code: string, message: RegExp]

const cases: Record<string, Refusal[]> = {
  'sizes beyond memory': [
    ...(['hidden', 'embedding'] as const).flatMap((name): Refusal[] => {
      const message = new RegExp(
        `${name}: expected a whole number from 1 to 262144, got 1000000000`,
      )
      return [
        [() => new LanguageModel({ tokenizer: characters, [name]: 1e9 }), 'ERR_ARGUMENT', message],
        [
          () => new Seq2Seq({ source: characters, target: characters, [name]: 1e9 }),
          'ERR_ARGUMENT',
          message,
        ],
      ]
    }),
    [
      () => new Seq2Seq({ source: characters, target: characters, encoder: { hidden: 1e9 } }),
      'ERR_ARGUMENT',
      /encoder\.hidden/,
    ],
    [
      () => new Seq2Seq({ source: characters, target: characters, attentionSize: 1e9 }),
      'ERR_ARGUMENT',
      /attentionSize/,
    ],
    ...(['LSTM', 'GRU', 'RNN'] as const).map((cell): Refusal => [
      () => new nn[cell]({ input: 4, hidden: 1e9 }),
      'ERR_ARGUMENT',
      /input, hidden: expected weights of at most 2\^40 numbers, got \[4,1000000000\]/,
    ]),
    [() => new nn.Linear(1e9, 1e9), 'ERR_ARGUMENT', /\[linear\] input, output: /],
    [() => new nn.Embedding(1e9, 1e9), 'ERR_ARGUMENT', /\[embedding\] vocabulary, features: /],
    [() => new nn.LayerNorm(2 ** 50), 'ERR_ARGUMENT', /\[layerNorm\] features: /],
  ],
  'factors of a product': [
    [() => ops.matmul(zeros([2, 3]), zeros([2, 2])), 'ERR_SHAPE', /b: expected \[3, N\], got/],
    [
      () => ops.matmul(zeros([5, 2, 3]), zeros([2, 2])),
      'ERR_SHAPE',
      /b: expected \[3, N\] or \[5, 3, N\], got/,
    ],
  ],
  'texts of tokenizers': (['characters', 'words', 'spaces', 'bpe'] as const).flatMap((kind) =>
    [null, undefined, 7, {}, true].map((texts): Refusal => {
      const got = typeof texts === 'object' && texts !== null ? 'an object' : String(texts)
      return [
        () => Tokenizer[kind](any(texts)),
        'ERR_ARGUMENT',
        new RegExp(`${kind}: expected a string or strings, got ${got}$`),
      ]
    }),
  ),
  'data of tensors': [
    [() => tensor(any('1,2,3'.split(','))), 'ERR_ARGUMENT', /\[tensor\] data: .* got "1" at \[0\]/],
    [() => tensor(any('abc')), 'ERR_ARGUMENT', /got "abc"/],
    [() => tensor(any(cyclic)), 'ERR_SHAPE', /at most 8 axes/],
    [
      () =>
        tensor(
          any(
            Array(9e4)
              .fill(0)
              .reduce((a) => [a], 1),
          ),
        ),
      'ERR_SHAPE',
      /at most 8 axes/,
    ],
    [() => tensor(any([1, , 2])), 'ERR_ARGUMENT', /got undefined at \[1\]/], // eslint-disable-line no-sparse-arrays
    [() => tensor(any([[1], [null]])), 'ERR_ARGUMENT', /got null at \[1\]\[0\]/],
    [() => tensor(any([true])), 'ERR_ARGUMENT', /got true/],
    [() => tensor(any(null)), 'ERR_ARGUMENT', /got null/],
    [() => tensor(any({})), 'ERR_ARGUMENT', /got an object/],
    [() => tensor(any(new BigInt64Array(1))), 'ERR_ARGUMENT', /numbers/],
    [() => tensor(any([1n])), 'ERR_ARGUMENT', /got 1n/],
    [() => tensor(any(new DataView(new ArrayBuffer(8)))), 'ERR_ARGUMENT', /DataView/],
    [() => tensor(gone), 'ERR_ARGUMENT', /transferred or shrunk/],
    [() => tensor(shrunk), 'ERR_ARGUMENT', /transferred or shrunk/],
    [() => tensor([1, 2], any(2)), 'ERR_ARGUMENT', /shape: expected an array/],
    [
      () => tensor([1], [1], any({ dtpye: 'i32' })),
      'ERR_ARGUMENT',
      /dtpye: .* did you mean dtype\?/,
    ],
    [() => zeros(any(3)), 'ERR_ARGUMENT', /shape: expected an array of whole numbers, got 3/],
    [() => zeros(any(null)), 'ERR_ARGUMENT', /shape/],
    [() => zeros(any([, 2])), 'ERR_SHAPE', /\[undefined, 2\]/], // eslint-disable-line no-sparse-arrays
    [() => zeros([1]).assign(any(null)), 'ERR_ARGUMENT', /\[assign\] source/],
    [() => zeros([3]).assign(any(['1', 'x', undefined])), 'ERR_ARGUMENT', /got "1" at \[0\]/],
    [() => zeros([2]).assign(gone), 'ERR_ARGUMENT', /transferred or shrunk/],
    [() => (zeros([1]).requiresGrad = any(1)), 'ERR_ARGUMENT', /true or false/],
  ],
  'lists of whole numbers': [
    ...[NaN, 'x', undefined, 1.9, 2 ** 31, 2 ** 32 + 1, null, [1], 1n].map((length): Refusal => [
      () => run([length]),
      'ERR_DTYPE',
      /\[lstm\] lengths: expected 32-bit/,
    ]),
    [() => run(Float32Array.of(1.5)), 'ERR_DTYPE', /got 1.5 at \[0\]/],
    [() => run('1'), 'ERR_ARGUMENT', /lengths: expected a list of numbers/],
    [() => run(0), 'ERR_ARGUMENT', /lengths/],
    [() => characters.decode(any(['length', 'map'])), 'ERR_INDEX', /got "length"/],
    [() => characters.decode(any(null)), 'ERR_ARGUMENT', /a list of ids/],
    [() => ops.takeRows(zeros([2, 2]), any(['0'])), 'ERR_INDEX', /got "0"/],
    [() => data.pad(any([1])), 'ERR_ARGUMENT', /lists of numbers/],
    [
      () =>
        ops.topk(zeros([1, 2]), zeros([1]), {
          k: 1,
          penalties: { rows: any(['x']), tokens: [0], values: [0] },
        }),
      'ERR_DTYPE',
      /penalties.rows/,
    ],
  ],
  'names of choices': [
    [
      () => ops.crossEntropy(zeros([1, 2]), tensor(Int32Array.of(0)), { reduction: any('Sum') }),
      'ERR_ARGUMENT',
      /reduction: expected one of mean, sum, none, got "Sum"/,
    ],
    [() => optim.schedule.step({ unit: any('steps') }), 'ERR_ARGUMENT', /unit: expected 'step' or/],
    [() => optim.schedule.exponential({ unit: any('') }), 'ERR_ARGUMENT', /unit/],
    [() => optim.schedule.plateau({ patience: NaN }), 'ERR_ARGUMENT', /patience/],
    [() => optim.schedule.plateau({ threshold: NaN }), 'ERR_ARGUMENT', /threshold/],
    [() => optim.schedule.step({ after: NaN }), 'ERR_ARGUMENT', /after/],
    [() => ops.poolTime(zeros([1, 1]), any('Mean')), 'ERR_ARGUMENT', /one of mean, max, last/],
    [() => optim.create(any('Adam')), 'ERR_ARGUMENT', /kind/],
    [() => new nn.RNN({ input: 1, hidden: 1, nonlinearity: any('selu') }), 'ERR_ARGUMENT', /tanh/],
  ],
  'options of unknown names': [
    [
      () => new LanguageModel(any({ tokenizer: characters, hiden: 512 })),
      'ERR_ARGUMENT',
      /\[language model\] hiden: is no option here; did you mean hidden\?/,
    ],
    [
      () => new Seq2Seq(any({ source: characters, target: characters, encoder: { layer: 2 } })),
      'ERR_ARGUMENT',
      /encoder\.layer: .* did you mean layers\?/,
    ],
    [() => fit({ maxStep: 3 }), 'ERR_ARGUMENT', /\[fit\] maxStep: .* did you mean maxSteps\?/],
    [() => fit({ epoch: 7 }), 'ERR_ARGUMENT', /did you mean epochs\?/],
    [() => fit({ learningRate: 5 }), 'ERR_ARGUMENT', /learningRate: is no option here/],
    [() => lm.fit(text, any(0.5)), 'ERR_ARGUMENT', /\[fit\] options: expected an object, got 0.5/],
    [() => lm.fit(text, any(null)), 'ERR_ARGUMENT', /\[fit\] options/],
    [() => pairs.fit([['a', 'b']], any(null)), 'ERR_ARGUMENT', /\[fit\] options/],
    [() => optim.schedule.plateau({}, any(null)), 'ERR_ARGUMENT', /plateau: state/],
    [() => pairs.translate(['a'], { beam: any(1n) }), 'ERR_ARGUMENT', /beam: expected a whole/],
    [() => pairs.sample(['a'], { samples: any({}) }), 'ERR_ARGUMENT', /samples: expected a whole/],
    [
      () => rescore(['a'], any([{ nBest: [{ text: 'a', score: 1n }] }]), []),
      'ERR_ARGUMENT',
      /translations: expected what translate gave/,
    ],
    [() => data.collate([{ a: [1] }], any({ steps: 1, values: null })), 'ERR_ARGUMENT', /values/],
    [() => pairs.fit(any(gone)), 'ERR_ARGUMENT', /an iterable of pairs/],
    [() => pairs.evaluate(any(gone)), 'ERR_ARGUMENT', /an iterable of pairs/],
    [() => pairs.score(any(gone)), 'ERR_ARGUMENT', /an iterable of pairs/],
    [() => characters.decode(any(gone)), 'ERR_ARGUMENT', /ids: expected a list of ids/],
    [() => optim.adam().bind(any(gone)), 'ERR_ARGUMENT', /target: expected a module, or/],
    [() => Tokenizer.fromJSON({ model: { type: gone } }), 'ERR_FORMAT', /model/],
    [
      () => Tokenizer.fromJSON({ model: { vocab: {} }, pre_tokenizer: 1n }),
      'ERR_FORMAT',
      /its pre_tokenizer/,
    ],
    [() => fit({ optimizer: 'adam' }), 'ERR_ARGUMENT', /optimizer: expected one such as/],
    [() => fit({ optimizer: optim.adam }), 'ERR_ARGUMENT', /optimizer: expected one such as/],
    [() => fit({ optimizer: { bind: () => ({}) } }), 'ERR_ARGUMENT', /optimizer: expected one/],
    [() => fit({ schedule: 'cosine' }), 'ERR_ARGUMENT', /schedule: expected one such as/],
    [() => lm.generate('a', any({ lenght: 3 })), 'ERR_ARGUMENT', /did you mean length\?/],
    [() => pairs.translate(['a'], any({ beams: 3 })), 'ERR_ARGUMENT', /did you mean beam\?/],
    [() => pairs.translate(['a'], any({ forbidden: [1] })), 'ERR_ARGUMENT', /forbidden: is no/],
    [() => pairs.sample(['a'], any({ topk: 3 })), 'ERR_ARGUMENT', /did you mean topK\?/],
    [() => pairs.stream('a', any({ samples: 2 })).next(), 'ERR_ARGUMENT', /samples: is no option/],
    [() => pairs.fit([['a', 'b']], any({ batchToken: 9 })), 'ERR_ARGUMENT', /batchTokens\?/],
    [
      () => new nn.LSTM(any({ input: 2, hidden: 3, num_layers: 3 })),
      'ERR_ARGUMENT',
      /\[lstm\] num_layers: is no option here; did you mean layers\?/,
    ],
    [
      () => new nn.LSTM(any({ input: 2, hidden: 3, biDirectional: true })),
      'ERR_ARGUMENT',
      /did you mean bidirectional\?/,
    ],
    [() => new nn.Linear(2, 2, any({ bais: false })), 'ERR_ARGUMENT', /did you mean bias\?/],
    [() => new nn.GRU(any({ input: 1, hidden: 1, forgetBias: 1 })), 'ERR_ARGUMENT', /forgetBias/],
    [() => lstm.forward(zeros([1, 1, 2]), any({ length: [1] })), 'ERR_ARGUMENT', /lengths\?/],
    [
      () => ops.linear(x, zeros([2, 2]), null, any({ precison: 'f32' })),
      'ERR_ARGUMENT',
      /precision\?/,
    ],
    [() => optim.adam(any({ learningRate: 1 })), 'ERR_ARGUMENT', /learningRate: is no option/],
    [() => optim.adam(any({ momentum: 0.9 })), 'ERR_ARGUMENT', /\[adam\] momentum/],
    [() => optim.schedule.cosine(any({ step: 9 })), 'ERR_ARGUMENT', /did you mean steps\?/],
    [() => optim.schedule.plateau(any({ factor: 0.5 })), 'ERR_ARGUMENT', /factor: is no option/],
    [
      () =>
        optim
          .adam()
          .bind(lm.network)
          .step(any({ clip: 1 })),
      'ERR_ARGUMENT',
      /clipNorm\?/,
    ],
    [() => Tokenizer.words('a', any({ vocab: 9 })), 'ERR_ARGUMENT', /did you mean vocabulary\?/],
    [() => metrics.bleu(['a'], ['a'], any({ lowerCase: true })), 'ERR_ARGUMENT', /lowercase\?/],
    [() => data.batches([{ a: [1] }], any({ row: 3 })), 'ERR_ARGUMENT', /did you mean rows\?/],
    [() => scheduledSampling.linear(any({ step: 3 })), 'ERR_ARGUMENT', /did you mean steps\?/],
    [
      () => LanguageModel.load('x', any({ devise: 'cpu' })),
      'ERR_ARGUMENT',
      /did you mean device\?/,
    ],
    [() => new Trainer(any({ modul: lstm })), 'ERR_ARGUMENT', /did you mean module\?/],
    [() => new Trainer(any(undefined)), 'ERR_ARGUMENT', /\[trainer\] options/],
  ],
  'counts without bound': [
    [() => pairs.sample(['a'], { samples: 1e9 }), 'ERR_ARGUMENT', /samples: .* from 1 to/],
    [() => pairs.translate(['a b'], { beam: 1e6, nBest: 1e6 }), 'ERR_ARGUMENT', /beam: .* from 1/],
    [() => pairs.translate(['a b'], { beam: 1e9, groups: 1e9 }), 'ERR_ARGUMENT', /beam/],
    [() => metrics.chrf(['a'], ['a'], { wordOrder: 1e9 }), 'ERR_ARGUMENT', /wordOrder/],
    [() => new nn.GRU({ input: 1, hidden: 1, layers: 2 ** 31 }), 'ERR_ARGUMENT', /layers/],
    [
      () => new LanguageModel({ tokenizer: characters, layers: 1e9 }),
      'ERR_ARGUMENT',
      /layers: expected a whole number from 1 to/,
    ],
    [
      () =>
        new Seq2Seq({
          source: characters,
          target: characters,
          hidden: 4,
          encoder: { layers: 1e9 },
        }),
      'ERR_ARGUMENT',
      /encoder\.layers/,
    ],
    [() => report.pca([[1]], 1e9), 'ERR_ARGUMENT', /components/],
    [
      () =>
        report.drawSentences({
          vectors: Array<number[]>(150_000).fill([1]),
          labels: Array<string>(150_000).fill('x'),
        }),
      'ERR_ARGUMENT',
      /vectors: expected at most 5000, got 150000/,
    ],
  ],
  'arguments of the wrong kind': [
    [() => ops.concat(any(x), any(x)), 'ERR_ARGUMENT', /\[concat\] tensors: expected an array/],
    [() => ops.concat([x, any(null)]), 'ERR_ARGUMENT', /tensor 1: expected a tensor, got null/],
    [() => ops.topk(zeros([1, 2]), zeros([1]), any(1)), 'ERR_ARGUMENT', /\[topk\] options/],
    [() => x.add(any(null)), 'ERR_ARGUMENT', /\[add\] b: expected a tensor, got null/],
    [() => x.add(any('1')), 'ERR_ARGUMENT', /got "1"/],
    [() => ops.softmax(x, any(Symbol('s'))), 'ERR_SHAPE', /axis/],
    [() => ops.reshape(x, any(2)), 'ERR_ARGUMENT', /shape/],
    [() => ops.where(any(1), 2, 3), 'ERR_ARGUMENT', /condition: expected a tensor/],
    [() => ops.equal(x, any('1')), 'ERR_ARGUMENT', /a tensor or a number/],
    [() => lm.save(any(new URL('file:///tmp/x'))), 'ERR_ARGUMENT', /directory: expected a path/],
    [() => lm.save(''), 'ERR_ARGUMENT', /directory/],
    [() => LanguageModel.load(any(undefined)), 'ERR_ARGUMENT', /directory/],
    [() => new nn.LSTM(any(undefined)), 'ERR_ARGUMENT', /\[lstm\] options: expected an object/],
    [() => new nn.Attention(any(undefined)), 'ERR_ARGUMENT', /\[attention\] options/],
    [() => new nn.Sequential(any(1)), 'ERR_ARGUMENT', /step 0/],
    [() => optim.adam().bind(any(null)), 'ERR_ARGUMENT', /target/],
    [() => optim.adam().bind([['w', any(x)]]), 'ERR_ARGUMENT', /target/],
    [() => lm.evaluate(text, any(null)), 'ERR_ARGUMENT', /\[evaluate\] options/],
    [() => lm.generate(any(3)), 'ERR_ARGUMENT', /\[generate\] prompt/],
    [() => lm.network.loadStateDict(any({})), 'ERR_ARGUMENT', /state: expected a Map/],
    [() => metrics.bleu(any('a'), any('a')), 'ERR_ARGUMENT', /hypotheses/],
  ],
}

for (const [what, refusals] of Object.entries(cases))
  test.serial(what, async (t) => {
    for (const [call, code, message] of refusals) {
      const error = await t.throwsAsync(async () => call(), { message }, String(call))
      t.true(error instanceof RnnativeError, `${String(call)}: ${String(error)}`)
      t.is<string, string>((error as RnnativeError).code, code, String(call))
    }
  })

test('what is right is taken as before', async (t) => {
  t.deepEqual([...(await tensor([[], []]).data())], [])
  t.deepEqual(tensor([[], []]).shape, [2, 0])
  t.deepEqual(tensor(any([Float32Array.of(1, 2), [3, 4]])).shape, [2, 2])
  t.is(tensor(any(new Uint8Array(3))).dtype, 'f32')
  t.deepEqual([...(await run([1]).output.data())].slice(2), [0, 0])
  t.is((await fit({ signal: undefined, validation: undefined })).step, 1)
})

/** Calls of the public functions that are right, to be spoilt. */
import { data, decode, io, LanguageModel, metrics, nn, ops, optim, report, rescore } from 'rnnative'
import {
  Interpolated,
  NgramModel,
  randn,
  scheduledSampling,
  Seq2Seq,
  Seq2SeqEnsemble,
  tensor,
  Tokenizer,
  Trainer,
} from 'rnnative'
import { families } from './families.mjs'
import { texts } from './texts.mjs'
import { full, ones, scope, uniform, zeros } from 'rnnative'

export interface Recipe {
  name: string
  call: (...args: never[]) => unknown
  args: () => unknown[]
}

const characters = Tokenizer.characters('abc')
const network = { hidden: 4, layers: 1, seed: 1 }
const lm = new LanguageModel({ tokenizer: characters, ...network })
const pairs = new Seq2Seq({ source: characters, target: characters, ...network })
const ngrams = new NgramModel({ tokenizer: Tokenizer.spaces('a b\n'), order: 2 })
const lstm = new nn.LSTM({ input: 2, hidden: 3, seed: 1 })
const linear = new nn.Linear(2, 2, { seed: 1 })
const adaptive = new nn.AdaptiveSoftmax(2, 4, { cutoffs: [1], divisor: 1, seed: 1 })
const sampled = new nn.SampledSoftmax(2, 4, { samples: 2, seed: 1 })
const attention = new nn.Attention({ kind: 'additive', query: 2, memory: 2, seed: 1 })
const decoder = new nn.AttentionDecoder({
  ...{ cell: 'lstm', input: 2, hidden: 2, memory: 2, attention: 'dot', feeding: 'none', seed: 1 },
})
const pooling = new nn.AttentionPooling({ features: 2, seed: 1 })
const sequential = new nn.Sequential(new nn.Embedding(4, 2, { seed: 1 }), linear)
const stream = { key: new Uint32Array(2), step: 0, sampleBase: 0 }
const ids = () => tensor(Int32Array.of(0, 1))
const x = () => randn([2, 3])
const steps = () => randn([2, 1, 2])
const signal = () => AbortSignal.timeout(300)
const make =
  <A extends unknown[]>(Class: new (...args: A) => unknown) =>
  (...args: A) =>
    new Class(...args)

const fits = {
  ...{ maxSteps: 1, clipNorm: 1, epochs: 1, evaluateEvery: 1, patience: 1 },
}
const layer = { device: 'cpu', seed: 1, init: { uniform: 0.1 } }
const stack = {
  ...{ ...layer, input: 2, hidden: 2, layers: 1, bidirectional: false, dropout: 0 },
  ...{ recurrentDropout: 0, weightDrop: 0, zoneout: 0, bias: true, precision: 'f32' },
  thresholds: {},
}
const model: ConstructorParameters<typeof decode.StateModel>[0] = {
  ...{ vocabulary: 4, bos: 0, eos: 1, device: 'cpu', lengths: [1], attends: false },
  ...{ source: {}, state: null },
  step: (given) => ({
    logits: zeros([1, given.shape[1] as number, 4]),
    ...{ attention: null, state: {} },
  }),
}
const beam = {
  ...{ beam: 2, nBest: 1, lengthPenalty: 0, coveragePenalty: 0, blockNgrams: 0, groups: 1 },
  ...{ diversity: 0.5, alignments: false, minLength: 0, maxLength: 3 },
}
const drawing = { temperature: 1, topK: 2, topP: 0.9, seed: 1 }
const limits = { minLength: 0, maxLength: 3, prefixes: [[2]], forbidden: [3] }

type Row = [name: string, call: (...args: never[]) => unknown, ...args: unknown[]]
/** Arguments that are functions of no argument and no name are made anew. */
const fresh = (make: () => unknown) => ({ make })

const rows: Row[] = [
  ['tensor', tensor, [[1, 2]], [1, 2], { dtype: 'f32', device: 'cpu', requiresGrad: false }],
  ['full', full, [2], 1, { dtype: 'i32' }],
  ['zeros', zeros, [2, 2], { dtype: 'f32', device: 'cpu' }],
  ['ones', ones, [1], {}],
  ['randn', randn, [2], { seed: 1, device: 'cpu' }],
  ['uniform', uniform, [2], 0, 1, { seed: 1 }],
  ['scope', scope, () => 1],
  ['assign', (to: unknown) => zeros([2]).assign(to as number[]), [1, 2]],
  ['fill', (to: unknown) => zeros([2]).fill(to as number), 1],
  ['backward', (...a: []) => ops.sum(ones([2], { requiresGrad: true })).backward(...a), null, {}],
  ...(['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'equal', 'less', 'greater'] as const).map(
    (name): Row => [`ops.${name}`, ops[name], fresh(x), fresh(x)],
  ),
  ...(['neg', 'exp', 'log', 'abs', 'tanh', 'relu', 'sum', 'mean', 'max', 'softmax'] as const).map(
    (name): Row => [`ops.${name}`, ops[name], fresh(x)],
  ),
  ['ops.sum', ops.sum, fresh(x), 0],
  ['ops.argmax', ops.argmax, fresh(x), 1],
  ['ops.softmax', ops.softmax, fresh(x), 1],
  ['ops.affine', ops.affine, fresh(x), 1, 2],
  ['ops.clamp', ops.clamp, fresh(x), 1, 2],
  ['ops.pow', ops.pow, fresh(x), 2],
  ['ops.where', ops.where, fresh(ids), 1, 2],
  ['ops.oneHot', ops.oneHot, fresh(ids), 3],
  ['ops.reshape', ops.reshape, fresh(x), [3, 2]],
  ['ops.slice', ops.slice, fresh(x), 0, 0, 1],
  ['ops.select', ops.select, fresh(x), 0, 0],
  ['ops.permute', ops.permute, fresh(x), [1, 0]],
  ['ops.transpose', ops.transpose, fresh(x), 0, 1],
  ['ops.concat', ops.concat, [zeros([2]), zeros([3])], 0],
  ['ops.stack', ops.stack, [zeros([2]), zeros([2])], 0],
  ['ops.maskTime', ops.maskTime, fresh(steps), [1]],
  ['ops.poolTime', ops.poolTime, fresh(steps), 'mean', [1]],
  ['ops.matmul', ops.matmul, fresh(x), fresh(x), { transposeA: false, transposeB: true }],
  ['ops.linear', ops.linear, fresh(x), fresh(x), null, { precision: 'f32' }],
  ['ops.embedding', ops.embedding, fresh(ids), fresh(x), { paddingIndex: 0 }],
  ['ops.dropout', ops.dropout, fresh(x), 0.5, { random: stream, batchAxis: 0 }],
  ['ops.layerNorm', ops.layerNorm, fresh(x), { gain: null, bias: null, eps: 1e-5 }],
  [
    'ops.crossEntropy',
    ops.crossEntropy,
    ...[fresh(x), fresh(ids)],
    { weight: null, ignoreIndex: -100, labelSmoothing: 0, precision: 'f32', reduction: 'mean' },
  ],
  [
    'ops.attention',
    ops.attention,
    ...[fresh(steps), fresh(steps), fresh(steps)],
    { score: 'dot', queryLengths: [1], memoryLengths: [1] },
  ],
  ['ops.topk', ops.topk, fresh(x), fresh(() => zeros([2])), { beams: 2, k: 2 }],
  [
    'ops.sampleTokens',
    ops.sampleTokens,
    fresh(x),
    { ...drawing, seed: undefined, uniforms: [0, 0] },
  ],
  [
    'ops.extendBeams',
    ops.extendBeams,
    fresh(() => ops.topk(zeros([2, 3]), zeros([2]), { beams: 2, k: 2 })),
    { vocabulary: 3, end: 0, beams: 2, known: 3, unknown: 0 },
  ],
  ['ops.takeRows', ops.takeRows, fresh(x), [0, 1]],
  [
    'ops.recurrent',
    ops.recurrent,
    ...[fresh(steps), lstm.cells()],
    { cell: 'lstm', layers: 1, directions: 1, lengths: [1], dropout: 0, phases: {} },
  ],
  ['nn.LSTM', make(nn.LSTM), { ...stack, forgetBias: 1 }],
  ['nn.GRU', make(nn.GRU), { ...stack, resetBefore: true }],
  ['nn.RNN', make(nn.RNN), { ...stack, nonlinearity: 'relu' }],
  ['nn.Linear', make(nn.Linear), 2, 2, { ...layer, bias: true, precision: 'f32' }],
  [
    'nn.PositionEmbedding',
    make(nn.PositionEmbedding),
    ...[3, 2, { ...layer, kind: 'sinusoidal', deviation: 1 }],
  ],
  [
    'nn.Embedding',
    make(nn.Embedding),
    3,
    2,
    { ...layer, paddingIndex: 0, deviation: 1, dropout: 0 },
  ],
  [
    'nn.AdaptiveSoftmax',
    make(nn.AdaptiveSoftmax),
    ...[8, 6, { ...layer, cutoffs: [2, 4], divisor: 2, headBias: true, precision: 'f32' }],
  ],
  [
    'nn.SampledSoftmax',
    make(nn.SampledSoftmax),
    ...[2, 6, { ...layer, samples: 3, bias: true, precision: 'f32' }],
  ],
  ['adaptive.forward', adaptive.forward.bind(adaptive), fresh(steps)],
  ['adaptive.losses', adaptive.losses.bind(adaptive), fresh(steps), [0, 3], { ignoreIndex: -1 }],
  ['sampled.losses', sampled.losses.bind(sampled), fresh(steps), [0, 3], {}],
  ['nn.LayerNorm', make(nn.LayerNorm), 3, { eps: 1e-5, bias: true, device: 'cpu' }],
  ['nn.Dropout', make(nn.Dropout), 0.5],
  ['nn.Parameter', make(nn.Parameter), [2], { device: 'cpu' }],
  ['nn.Attention', make(nn.Attention), { ...layer, kind: 'dot', query: 2, memory: 2, size: 2 }],
  ['nn.AttentionPooling', make(nn.AttentionPooling), { ...layer, features: 2, size: 2 }],
  [
    'nn.AttentionDecoder',
    make(nn.AttentionDecoder),
    {
      ...{
        ...layer,
        cell: 'gru',
        input: 2,
        hidden: 2,
        layers: 1,
        memory: 2,
        attention: 'additive',
      },
      ...{ attentionSize: 2, feeding: 'output', output: 2, dropout: 0, bias: true },
    },
  ],
  ['nn.Sequential', make(nn.Sequential), linear],
  ['nn.RandomContext', make(nn.RandomContext), { seed: 1, step: 0, microBatch: 0, sampleBase: 0 }],
  ['lstm.forward', lstm.forward.bind(lstm), fresh(steps), { state: null, lengths: [2] }],
  ['linear.forward', linear.forward.bind(linear), fresh(steps)],
  ['attention.forward', attention.forward.bind(attention), fresh(steps), fresh(steps), {}],
  ['decoder.forward', decoder.forward.bind(decoder), fresh(steps), fresh(steps), { beams: 1 }],
  ['pooling.forward', pooling.forward.bind(pooling), fresh(steps), { lengths: [1] }],
  ['sequential.forward', sequential.forward.bind(sequential), fresh(ids), { lengths: [1] }],
  ['module.reset', linear.reset.bind(linear), 1, { normal: 0.1 }],
  ['module.loadStateDict', linear.loadStateDict.bind(linear), linear.stateDict(), { strict: true }],
  ['init.uniform', nn.init.uniform, fresh(x), 0, 1, { seed: 1, name: 'a' }],
  ['init.normal', nn.init.normal, fresh(x), 0, 1, { seed: 1, name: 'a' }],
  ['init.xavierUniform', nn.init.xavierUniform, fresh(x), { seed: 1, name: 'a' }, 1],
  ['init.orthogonal', nn.init.orthogonal, fresh(x), { seed: 1, name: 'a' }, { gain: 1, blocks: 1 }],
  ...(['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad'] as const).map((name): Row => [
    `optim.${name}`,
    optim[name],
    { lr: 0.1, weightDecay: 0 },
  ]),
  ['optim.create', optim.create, 'adam', { lr: 0.1, beta1: 0.9 }],
  ['bind', optim.adam().bind, linear, [{ match: /x/, lr: 0.1, weightDecay: 0 }]],
  ['step', (o: never) => optim.adam().bind(new nn.Linear(2, 2)).step(o), { clipNorm: 1 }],
  ['schedule.step', optim.schedule.step, { gamma: 0.5, every: 1, after: 1, unit: 'step' }],
  ['schedule.exponential', optim.schedule.exponential, { gamma: 0.5, unit: 'step' }],
  [
    'schedule.plateau',
    optim.schedule.plateau,
    { gamma: 0.5, patience: 1, threshold: 0, min: 0 },
    {},
  ],
  ['schedule.inverseSqrt', optim.schedule.inverseSqrt, { warmup: 10, share: 0.5 }],
  ['schedule.cosine', optim.schedule.cosine, { steps: 10, warmup: 1, min: 0 }],
  ['schedule.create', optim.schedule.create, { name: 'linear', options: { steps: 10 } }],
  ['scheduledSampling.linear', scheduledSampling.linear, { steps: 10, min: 0.5 }],
  [
    'scheduledSampling.create',
    scheduledSampling.create,
    { name: 'exponential', options: { k: 0.5 } },
  ],
  [
    'LanguageModel',
    make(LanguageModel),
    {
      ...{ tokenizer: characters, device: 'cpu', cell: 'gru', ...network, embedding: 4 },
      ...{ tieWeights: true, recurrentDropout: 0, init: 'xavier', dropout: 0, weightDrop: 0 },
      zoneout: 0,
      precision: 'f32',
    },
  ],
  [
    'Seq2Seq',
    make(Seq2Seq),
    {
      ...{ source: characters, target: characters, device: 'cpu', cell: 'gru', ...network },
      ...{
        attention: 'dot',
        encoder: { bidirectional: true, layers: 1, hidden: 2 },
        bridge: 'dense',
      },
      ...{ reverseSource: true, inputFeeding: true, residual: true, tieEmbeddings: 'none' },
    },
  ],
  [
    'lm.fit',
    lm.fit.bind(lm),
    ...['abc'.repeat(20), { ...fits, batch: 2, steps: 5, accumulate: 1, validation: 'abcabc' }],
  ],
  ['lm.evaluate', lm.evaluate.bind(lm), 'abcabc', {}],
  ['lm.score', lm.score.bind(lm), ['abc', 'ab']],
  ['lm.generate', lm.generate.bind(lm), 'a', { ...drawing, length: 3 }],
  [
    'pairs.fit',
    pairs.fit.bind(pairs),
    [['ab', 'ba']],
    {
      ...{ ...fits, batchTokens: 10, labelSmoothing: 0.1, maxLength: 5, references: 'first' },
      validation: [['a', 'b']],
    },
  ],
  ['pairs.evaluate', pairs.evaluate.bind(pairs), [['ab', 'ba']], {}],
  ['pairs.score', pairs.score.bind(pairs), [['ab', 'ba']], {}],
  [
    'pairs.translate',
    pairs.translate.bind(pairs),
    ['ab', 'c'],
    { ...beam, batch: 2, prefix: 'a', replaceUnknown: false, signal },
  ],
  [
    'pairs.sample',
    pairs.sample.bind(pairs),
    ['ab', 'c'],
    { ...drawing, samples: 2, streams: [0, 1], batch: 2, maxLength: 3, signal },
  ],
  ['pairs.stream', pairs.stream.bind(pairs), 'ab', { ...drawing, maxLength: 3, signal }],
  ['pairs.represent', pairs.represent.bind(pairs), ['ab']],
  [
    'Seq2SeqEnsemble',
    make(Seq2SeqEnsemble),
    [pairs, pairs],
    { combine: 'linear', weights: [1, 1] },
  ],
  [
    'rescore',
    rescore,
    ['ab'],
    [{ text: 'a', nBest: [{ text: 'a', score: 0 }] }],
    ...[[{ model: lm, weight: 1 }], { weight: 1 }],
  ],
  [
    'NgramModel',
    make(NgramModel),
    { tokenizer: Tokenizer.spaces('a b\n'), order: 2, prune: [0, 1] },
  ],
  ['ngrams.fit', ngrams.fit.bind(ngrams), ['a b\na'], { signal }],
  ['ngrams.evaluate', ngrams.evaluate.bind(ngrams), 'a b', { signal }],
  ['ngrams.score', ngrams.score.bind(ngrams), ['a b']],
  ['ngrams.surprisals', ngrams.surprisals.bind(ngrams), 'a b'],
  ['ngrams.generate', ngrams.generate.bind(ngrams), 'a', { ...drawing, length: 3 }],
  [
    'ngrams.sample',
    ngrams.sample.bind(ngrams),
    'a _',
    { method: 'gibbs', iterations: 3, burnIn: 1, every: 1, seed: 1, signal },
  ],
  ['Interpolated', make(Interpolated), [ngrams, ngrams], { weights: [1, 1] }],
  ['lm.surprisals', lm.surprisals.bind(lm), 'abcabc', {}],
  ['Tokenizer.characters', Tokenizer.characters, ['ab', 'c']],
  ['Tokenizer.words', Tokenizer.words, ['ab c'], { vocabulary: 9, minCount: 1, split: 'auto' }],
  ['Tokenizer.spaces', Tokenizer.spaces, 'ab c', { vocabulary: 9, minCount: 1 }],
  ['Tokenizer.bpe', Tokenizer.bpe, 'ab c', { vocabulary: 300, minCount: 1 }],
  ['Tokenizer.learn', Tokenizer.learn, 'bpe', ['ab c'], { vocabulary: 300, minCount: 1 }],
  ['Tokenizer.fromJSON', Tokenizer.fromJSON, characters.toJSON()],
  ['encode', characters.encode.bind(characters), 'abc'],
  ['decode', characters.decode.bind(characters), [1, 2], () => 'x'],
  ['pieces', characters.pieces.bind(characters), 'abc'],
  ['metrics.measure', metrics.measure, 'chrf', ['a b'], [['a b', 'c']], { wordOrder: 2 }],
  ['metrics.bleu', metrics.bleu, ['a b'], [['a b', 'c']], { tokenize: '13a', lowercase: true }],
  ['metrics.chrf', metrics.chrf, ['a b'], ['a b'], { wordOrder: 2, lowercase: true }],
  ['metrics.ter', metrics.ter, ['a b'], ['a b']],
  ['metrics.exactMatch', metrics.exactMatch, ['a b'], ['a b']],
  ['metrics.tokenErrorRate', metrics.tokenErrorRate, ['a b'], ['a b']],
  ['data.pad', data.pad, [[1, 2], [3]], { value: 0, steps: 3 }],
  ['data.collate', data.collate, [{ a: [1, 2], b: 1 }], { steps: 2, values: { a: 0 } }],
  ['data.batches', data.batches, [{ a: [1] }], { rows: 2, seed: 1, pad: { a: 0 }, buffer: 10 }],
  [
    'Trainer',
    make(Trainer),
    { module: linear, feed: data.batches([{ a: 1 }]), loss: () => ({ sum: 0, count: 1 }), seed: 1 },
  ],
  [
    'Trainer.fit',
    (loss: unknown, options: object) =>
      new Trainer({
        module: linear,
        feed: data.batches([{ a: 1 }]),
        loss: () => ({
          sum: ops.sum(linear.forward(zeros([1, 2]))),
          ...(loss as { count: number }),
        }),
      }).fit(options),
    { count: 1 },
    { ...fits, evaluateEvery: undefined, patience: undefined, accumulate: 1 },
  ],
  ['decode.StateModel', make(decode.StateModel), model],
  [
    'decode.beamSearch',
    decode.beamSearch,
    new decode.StateModel(model),
    { ...beam, ...limits, signal },
  ],
  [
    'decode.sample',
    decode.sample,
    ...[new decode.StateModel(model), { ...drawing, ...limits, samples: 2, streams: [0], signal }],
  ],
  ['decode.scoreTargets', decode.scoreTargets, new decode.StateModel(model), [[2, 3]], {}],
  ['decode.ensemble', decode.ensemble, [new decode.StateModel(model)], { weights: [1] }],
  ['io.writeSafetensors', io.writeSafetensors, 'x', new Map(), {}],
  [
    'report.pca',
    report.pca,
    [
      [1, 2],
      [3, 4],
    ],
    1,
  ],
]

const isFresh = (value: unknown): value is { make: () => unknown } =>
  typeof value === 'object' && value !== null && Object.keys(value).join() === 'make'

const filled = (value: unknown): unknown => {
  if (isFresh(value)) return value.make()
  if (typeof value !== 'object' || value === null || !('signal' in value)) return value
  return { ...value, signal: signal() }
}

export const recipes: Recipe[] = [...rows, ...families, ...texts].map(([name, call, ...args]) => ({
  ...{ name, call },
  args: () => args.map(filled),
}))

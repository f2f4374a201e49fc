// Writes models in foreign formats, and beside each what it is given and gives, for convert.py to hold against PyTorch,
// Keras and onnxruntime.
//
//   node test/acceptance/convert.mjs DIRECTORY
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as rnnative from 'rnnative'

const { convert, io, nn, tensor, Tokenizer } = rnnative
const directory = process.argv[2]
mkdirSync(directory, { recursive: true })
const cases = []

let drawn = 1
const uniform = () => {
  drawn = (drawn * 48271) % 2147483647
  return drawn / 2147483647
}
const reals = (...shape) =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * uniform() - 1),
    shape,
  )
const ids = (below, ...shape) =>
  tensor(
    Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
      Math.floor(uniform() * below),
    ),
    shape,
  )
const ints = (values) => tensor(Int32Array.from(values), [values.length])
const host = async (tensors) => {
  const all = Object.entries(tensors).filter(([, x]) => x !== undefined && x !== null)
  return new Map(
    await Promise.all(
      all.map(async ([name, x]) => [name, { shape: x.shape, data: await x.data() }]),
    ),
  )
}

async function add(name, format, file, inputs, outputs, more = {}) {
  const feeds = await host(inputs)
  const made = await host(outputs)
  const io_ = new Map([
    ...[...feeds].map(([key, x]) => [`in.${key}`, x]),
    ...[...made].map(([key, x]) => [`out.${key}`, x]),
  ])
  await io.writeSafetensors(join(directory, `${name}.safetensors`), io_)
  cases.push({ name, format, file, ...more })
}

const path = (name) => join(directory, name)

// --- recurrent layers
const sizes = { input: 3, hidden: 4, seed: 1 }
const layers = {
  lstm: new nn.LSTM({ ...sizes, layers: 2, bidirectional: true }),
  lstm_no_bias: new nn.LSTM({ ...sizes, bias: false }),
  lstm_peephole: new nn.LSTM({ ...sizes, peephole: true, bidirectional: true }),
  lstm_peephole_o: new nn.LSTM({ ...sizes, peephole: ['o'] }),
  lstm_coupled: new nn.LSTM({ ...sizes, coupled: true, peephole: true, layers: 2 }),
  lstm_clipped: new nn.LSTM({ ...sizes, gateClip: 0.3 }),
  lstm_hard: new nn.LSTM({ ...sizes, activations: { gate: 'hard_sigmoid', candidate: 'relu' } }),
  lstm_identity: new nn.LSTM({ ...sizes, activations: { candidate: 'identity' } }),
  lstm_thresholds: new nn.LSTM({ ...sizes, thresholds: { f: 1, i: -0.5 } }),
  gru: new nn.GRU({ ...sizes, layers: 2, bidirectional: true }),
  gru_before: new nn.GRU({ ...sizes, resetBefore: true, layers: 2, bidirectional: true }),
  gru_hard: new nn.GRU({
    ...sizes,
    activations: { gate: 'hard_sigmoid', candidate: 'relu' },
    gateClip: 0.5,
  }),
  rnn: new nn.RNN({ ...sizes, layers: 2, bidirectional: true }),
  rnn_relu: new nn.RNN({ ...sizes, nonlinearity: 'relu', gateClip: 0.4 }),
}
for (const [name, layer] of Object.entries(layers)) {
  await convert.writeOnnx(path(`${name}.onnx`), layer)
  const count = layer.layers * layer.directions
  const x = reals(5, 3, 3)
  const lengths = ints([5, 2, 4])
  const h = reals(count, 3, layer.features)
  const hasC = name.startsWith('lstm')
  const c = hasC ? reals(count, 3, layer.hidden) : undefined
  const { output, state } = layer.forward(x, { lengths, state: hasC ? { h, c } : { h } })
  await add(
    name,
    'onnx',
    `${name}.onnx`,
    { x, lengths, h, c },
    { output, next_h: state.h, next_c: state.c },
  )
}

// --- layers of PyTorch, which reads our state dicts
const torch = {
  torch_lstm: [new nn.LSTM({ ...sizes, layers: 2, bidirectional: true }), 'LSTM', {}],
  torch_lstm_proj: [
    new nn.LSTM({ ...sizes, layers: 2, bidirectional: true, projection: 2 }),
    'LSTM',
    { proj_size: 2 },
  ],
  torch_gru: [new nn.GRU({ ...sizes, layers: 2, bidirectional: true }), 'GRU', {}],
  torch_rnn: [new nn.RNN({ ...sizes, layers: 2, bidirectional: true }), 'RNN', {}],
  torch_rnn_relu: [
    new nn.RNN({ ...sizes, layers: 2, bidirectional: true, nonlinearity: 'relu' }),
    ...['RNN', { nonlinearity: 'relu' }],
  ],
}
for (const [name, [layer, kind, options]] of Object.entries(torch)) {
  await convert.writeTorch(path(`${name}.pt`), await host(Object.fromEntries(layer.stateDict())))
  const x = reals(5, 3, 3)
  const { output } = layer.forward(x)
  await add(name, 'torch-layer', `${name}.pt`, { x }, { output }, { kind, options })
}

// --- models that came from Keras and PyTorch, written again
const golden = (name) => join('test', 'golden', 'convert', name)
for (const name of ['text', 'steps', 'language']) {
  const network = await convert.loadKeras(golden(`${name}.keras`))
  await convert.writeKeras(path(`again_${name}.keras`), network)
  await convert.writeKeras(path(`again_${name}.weights.h5`), network)
  const { tensors } = await io.readSafetensors(golden(`${name}.keras.safetensors`))
  const [x, logits] = ['in.x', 'out.y'].map((key) =>
    tensor(tensors.get(key).data, tensors.get(key).shape),
  )
  const files = { whole: `again_${name}.keras`, original: golden(`${name}.keras`) }
  await add(`again_${name}`, 'keras', files.whole, { ids: x }, { logits })
  const weights = { original: files.original }
  await add(
    `weights_${name}`,
    'keras-weights',
    `again_${name}.weights.h5`,
    { ids: x },
    { logits },
    weights,
  )
}
for (const name of ['cells', 'language', 'classifier']) {
  await convert.convert(golden(`${name}.pt`), path(`again_${name}.pt`))
  await add(
    `again_${name}_torch`,
    'torch-same',
    `again_${name}.pt`,
    {},
    {},
    { original: golden(`${name}.pt`) },
  )
}

// --- models
const text = 'the cat sat on the mat and the dog sat on the cat'
const tokenizer = Tokenizer.spaces(text.split(' '), { minCount: 1 })
const small = { hidden: 6, embedding: 5, seed: 2 }
const languages = {
  lm: { layers: 2 },
  lm_gru: { cell: 'gru', layers: 2 },
  lm_rnn: { cell: 'rnn' },
  lm_tied: { embedding: 6, tieWeights: true },
  lm_learned: { positions: 'learned', positionLimit: 4 },
  lm_sinusoidal: { positions: 'sinusoidal' },
}
for (const [name, options] of Object.entries(languages)) {
  const model = new rnnative.LanguageModel({ tokenizer, ...small, ...options })
  const { network } = model.eval?.() ?? model
  network.eval()
  await model.save(path(name))
  await convert.convert(path(name), path(`${name}.onnx`))
  const given = ids(tokenizer.size, 5, 2)
  const count = network.rnn.layers
  const h = reals(count, 2, 6)
  const c = options.cell ? undefined : reals(count, 2, 6)
  const first = options.positions ? ints([2]) : undefined
  const made = network.forward(given, c ? { h, c } : { h }, first ? 2 : 0)
  const logits = network.output.forward(made.output)
  const outputs = { logits, next_h: made.state.h, next_c: made.state.c }
  await add(name, 'onnx', `${name}.onnx`, { ids: given, h, c, first }, outputs)
  if (options.positions) continue
  const plain = network.output.forward(network.forward(given, null).output)
  await convert.convert(path(name), path(`${name}.keras`))
  await add(`${name}_keras`, 'keras', `${name}.keras`, { ids: given }, { logits: plain })
  if (options.cell === 'rnn') continue
  await convert.convert(path(name), path(`${name}.pt`))
  await add(
    `${name}_torch`,
    'torch-lm',
    `${name}.pt`,
    { ids: given },
    { logits: plain },
    {
      ...{
        kind: options.cell === 'gru' ? 'GRU' : 'LSTM',
        layers: count,
        tied: options.tieWeights ?? false,
      },
      ...{ embedding: options.embedding ?? 5, hidden: 6, vocabulary: tokenizer.size },
    },
  )
}

const classifiers = {
  classifier: { pooling: ['mean', 'max', 'last', 'attention'], layers: 2 },
  classifier_self: { pooling: ['mean', 'last'], selfAttention: true, cell: 'gru' },
  classifier_ordinal: { pooling: ['max'], task: 'ordinal', bidirectional: false },
  classifier_fields: { pooling: ['mean'], fields: 2, positions: 'sinusoidal' },
  classifier_last: { pooling: ['last'], layers: 2 },
  classifier_mean: { pooling: ['mean'], cell: 'gru' },
}
for (const [name, options] of Object.entries(classifiers)) {
  const model = new rnnative.TextClassifier({
    tokenizer,
    labels: ['a', 'b', 'c'],
    ...small,
    ...options,
  })
  model.network.eval()
  await model.save(path(name))
  await convert.convert(path(name), path(`${name}.onnx`))
  const given = ids(tokenizer.size, 5, 4)
  const lengths = ints([5, 1, 3, 2])
  const { logits } = model.network.forward({ ids: given, lengths })
  await add(name, 'onnx', `${name}.onnx`, { ids: given, lengths }, { logits })
  if (!['classifier_last', 'classifier_mean'].includes(name)) continue
  await convert.convert(path(name), path(`${name}.keras`))
  const whole = model.network.forward({ ids: given, lengths: ints([5, 5, 5, 5]) })
  await add(`${name}_keras`, 'keras', `${name}.keras`, { ids: given }, { logits: whole.logits })
}

const sentences = Array.from({ length: 4 }, (_, i) => ({
  words: ['Anna', 'visits', i % 2 ? 'Paris' : 'Rome', '.'],
  tags: ['B-person', 'O', 'B-place', 'O'],
}))
const vocabulary = rnnative.SequenceTagger.vocabulary(sentences)
const taggers = {
  tagger: {},
  tagger_conv: { characters: 'conv', crf: false },
  tagger_plain: { characters: 'none', shapes: false },
}
for (const [name, options] of Object.entries(taggers)) {
  const model = new rnnative.SequenceTagger({
    vocabulary,
    ...small,
    letterEmbedding: 3,
    letterHidden: 4,
    ...options,
  })
  model.network.eval()
  await model.save(path(name))
  await convert.convert(path(name), path(`${name}.onnx`))
  const words = ids(vocabulary.words.length + 1, 4, 3)
  const shapes = ids(vocabulary.shapes.length + 1, 4, 3)
  const which = ids(5, 4, 3)
  const lengths = ints([4, 2, 3])
  const letters = ids(vocabulary.letters.length + 1, 6, 5)
  const wordLengths = ints([6, 1, 3, 2, 5])
  const emissions = model.network.emissions([words, shapes, which, lengths, letters, wordLengths])
  const reads = options.characters !== 'none'
  await add(
    ...[name, 'onnx', `${name}.onnx`],
    {
      ...{ words, lengths, shapes: options.shapes === false ? undefined : shapes },
      ...(reads && { which, letters, word_lengths: wordLengths }),
    },
    { emissions },
    { lengths: [4, 2, 3] },
  )
}

const forecasters = {
  forecaster: { model: 'direct', layers: 2, known: ['k'] },
  forecaster_quantile: {
    model: 'direct',
    loss: 'quantile',
    calendar: [],
    categories: { kind: ['a', 'b'] },
  },
  forecaster_seq2seq: { model: 'seq2seq', cell: 'lstm' },
  forecaster_deepar: { model: 'deepar', cell: 'lstm' },
  forecaster_segments: { model: 'segments', segment: 2, known: ['k'], cell: 'gru' },
}
for (const [name, options] of Object.entries(forecasters)) {
  const model = new rnnative.Forecaster({
    ...{ time: 'date', targets: ['y', 'z'], context: 6, horizon: 4, hidden: 6, seed: 3 },
    ...options,
  })
  const { network } = model
  network.eval()
  await convert.writeOnnx(path(`${name}.onnx`), model)
  const { rnn, head, embed, queries, ahead, decoder } = network
  const lengths = ints([6, 4])
  const inputs = { past: reals(6, 2, rnn.input), lengths }
  if (options.categories) inputs.categories = ids(2, 1, 2)
  if (options.model === 'direct' && options.known)
    inputs.future = reals(2, head.weight.shape[1] - rnn.features)
  if (decoder) inputs.future = reals(4, 2, decoder.layers.input - decoder.weight_out.shape[0])
  if (options.model === 'deepar') {
    delete inputs.lengths
    const [h, c] = [reals(1, 2, 6), reals(1, 2, 6)]
    const { output, state } = rnn.forward(inputs.past, { state: { h, c } })
    const outputs = { parameters: head.forward(output), next_h: state.h, next_c: state.c }
    await add(name, 'onnx', `${name}.onnx`, { past: inputs.past, h, c }, outputs)
    continue
  }
  if (embed) {
    delete inputs.lengths
    inputs.past = reals(3, 2, embed.weight.shape[1])
    inputs.queries = ids(queries.position.shape[0] * queries.channel.shape[0], 1, 8)
    inputs.future = reals(1, 8, ahead.weight.shape[1])
  }
  const y = network.forward(inputs)
  await add(name, 'onnx', `${name}.onnx`, inputs, { forecast: y })
}

const translators = {
  mt: { encoder: { bidirectional: true }, layers: 2 },
  mt_dot: { attention: 'dot', inputFeeding: true },
  mt_general: { attention: 'general', cell: 'gru', encoder: { bidirectional: true, layers: 1 } },
  mt_scaled: { attention: 'scaled-dot', layers: 2, residual: true },
  mt_none: { attention: 'none', feedSummary: true, layers: 2 },
  mt_concat: { attention: 'concat', positions: 'learned', tieEmbeddings: 'target', bridge: 'zero' },
}
for (const [name, options] of Object.entries(translators)) {
  const model = new rnnative.Seq2Seq({ source: tokenizer, target: tokenizer, ...small, ...options })
  const { network } = model
  network.eval()
  await model.save(path(name))
  await convert.convert(path(name), path(`${name}.onnx`))
  const given = ids(tokenizer.size, 5, 3)
  const lengths = Int32Array.of(5, 2, 4)
  const source = { ids: await given.data(), steps: 5, lengths }
  const { sources, state } = network.encode(source)
  const { h, c, upperH, upperC } = state ?? {}
  const first = { h, c, upper_h: upperH, upper_c: upperC }
  const { memory, keys, summary } = sources
  const attends = network.decoder.attending !== null
  await add(
    ...[`${name}.encoder`, 'onnx', `${name}.encoder.onnx`, { ids: given, lengths: ints(lengths) }],
    { ...(attends && { memory, keys }), summary, ...first },
    { lengths: [...lengths] },
  )
  const next = ids(model.target.size, 1, 3)
  const begun = {}
  const { attending, rnn } = network.decoder
  if (attending) {
    const count = attending.layers.layers
    begun.h = reals(count, 3, 6)
    if (options.cell !== 'gru') begun.c = reals(count, 3, 6)
    if (attending.feeding === 'output') begun.fed = reals(3, attending.weight_out.shape[0])
  }
  if (rnn) {
    begun.upperH = reals(rnn.stack?.length ?? rnn.layers, 3, 6)
    begun.upperC = reals(rnn.stack?.length ?? rnn.layers, 3, 6)
  }
  const made = network.decoder.forward(next, { sources, state: { ...begun }, first: 2 })
  const { upperH: uh, upperC: uc, ...rest } = begun
  const positions = options.positions ? { first: ints([2]) } : {}
  const { h: nh, c: nc, fed: nf, upperH: nuh, upperC: nuc } = made.state
  const outputs = {
    ...{ logits: network.decoder.output.forward(made.features), attention: made.weights },
    ...{ next_h: nh, next_c: nc, next_fed: nf, next_upper_h: nuh, next_upper_c: nuc },
  }
  const fed = {
    ...{
      ids: next,
      ...rest,
      upper_h: uh,
      upper_c: uc,
      ...positions,
      summary: summary ?? undefined,
    },
    ...(attends && { memory, keys, memory_lengths: ints(lengths) }),
  }
  await add(`${name}.decoder`, 'onnx', `${name}.decoder.onnx`, fed, outputs)
}

writeFileSync(path('cases.json'), JSON.stringify(cases))
console.log(`${cases.length} cases in ${directory}`)

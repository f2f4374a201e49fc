// A module of your own, trained by what the models here are trained by. Files are of lines such as `1 a fine film`.
//
//   node examples/own-module.mjs --train FILE --valid FILE [--test FILE] [--epochs 5] [--checkpoint DIR] [--resume]
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { data, nn, ops, optim, readLines, Tokenizer, Trainer, watch } from 'rnnative'

/** BiLSTM; attention, mean and maximum over its steps; a layer on top. */
export class Classifier extends nn.Module {
  constructor(words, classes, { embedding = 100, hidden = 128, dropout = 0.5 } = {}) {
    super()
    this.embedding = new nn.Embedding(words, embedding, { init: { uniform: 0.1 } })
    this.dropout = new nn.Dropout(dropout)
    this.lstm = new nn.LSTM({ input: embedding, hidden, bidirectional: true })
    this.attention = new nn.AttentionPooling({ features: 2 * hidden, size: hidden })
    this.output = new nn.Linear(6 * hidden, classes)
    this.reset(1)
  }
  forward({ words, lengths }) {
    const x = this.dropout.forward(this.embedding.forward(words))
    const { output: h } = this.lstm.forward(x, { lengths })
    const attended = this.attention.forward(h, { lengths }).output
    const pooled = ['mean', 'max'].map((pool) => ops.poolTime(h, pool, lengths))
    return this.output.forward(this.dropout.forward(ops.concat([attended, ...pooled], -1)))
  }
  loss(batch) {
    const output = this.forward(batch)
    const sum = ops.sum(ops.crossEntropyLosses(output, batch.label).losses)
    return { sum, count: batch.label.size, output }
  }
}

async function main({ train, valid, test, epochs, checkpoint, resume }) {
  const rows = async (file) => (await readLines(file)).map((line) => /^(\S+) (.*)/.exec(line))
  const labels = [...new Set((await rows(train)).map(([, label]) => label))].sort()
  const tokenizer = Tokenizer.spaces((await rows(train)).map(([, , text]) => text))
  const example = ([, label, text]) => ({
    ...{ words: tokenizer.encode(text), label: labels.indexOf(label) },
  })
  const read = async (file) => data.batches((await rows(file)).map(example), { seed: 1 })
  const module = new Classifier(tokenizer.size, labels.length)
  const trainer = new Trainer({
    ...{ module, seed: 1, files: { 'tokenizer.json': tokenizer, 'labels.json': labels } },
    ...{ feed: await read(train), validate: await read(valid) },
    loss: (batch) => module.loss(batch),
    measures: ({ label }, logits) => ({
      accuracy: { sum: ops.sum(ops.equal(ops.argmax(logits), label)), count: label.size },
    }),
  })
  const run = { epochs: Number(epochs), clipNorm: 5, checkpoint, resume, watch: watch.lines() }
  await trainer.fit({ optimizer: optim.adam({ lr: 1e-3 }), ...run })
  await trainer.load(checkpoint, 'best')
  if (test) console.log('test', await trainer.evaluate(await read(test)))
}

const names = ['train', 'valid', 'test', 'epochs', 'checkpoint']
const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }]))
const given = () => parseArgs({ options: { ...options, resume: { type: 'boolean' } } }).values
if (process.argv[1] === fileURLToPath(import.meta.url))
  await main({ epochs: '5', checkpoint: 'runs/own-module', ...given() })

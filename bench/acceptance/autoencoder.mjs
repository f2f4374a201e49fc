// What an autoencoder's start is worth where labels are few (Dai & Le 2015): a fifth of SST-2's training data has labels, all
// of it texts, and with --more sentences of WikiText-2 beside them. The same classifier, with the same tokens, begins by chance, with an autoencoder and with a language model;
// what else there is to choose is chosen on the development data for each, and the test data looked at once, by --test.
//
//   node bench/acceptance/autoencoder.mjs pretrain repeat|next|lm [--more] [--epochs N] [--hidden N] [--dropout P]
//   node bench/acceptance/autoencoder.mjs compare [--start chance,repeat,next,lm] [--seeds 5] [--fit JSON] [--options JSON] [--test]
//
// Pretrained models lie in runs/autoencoder. Records bench/results/autoencoder.json with --test.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Autoencoder, LanguageModel, loadPretrained, optim, readText, setThreads } from 'rnnative'
import { splitExamples, TextClassifier, Tokenizer } from 'rnnative'
import { DATA, record } from './seq2seq.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: 'string', default: '12' },
    hidden: { type: 'string', default: '128' },
    dropout: { type: 'string', default: '0.3' },
    rate: { type: 'string', default: '0.002' },
    start: { type: 'string', default: 'chance,repeat' },
    seeds: { type: 'string', default: '5' },
    fit: { type: 'string', default: '{}' },
    options: { type: 'string', default: '{}' },
    more: { type: 'boolean', default: false },
    runs: { type: 'string', default: 'runs/autoencoder' },
    test: { type: 'boolean', default: false },
  },
})
setThreads(1)

function sst2(part) {
  const file = path.join(DATA, 'classification/sst2', `stsa.binary.${part}.gz`)
  const lines = gunzipSync(readFileSync(file)).toString('utf8').split(/\r?\n/).filter(Boolean)
  return lines.map((line) => ({ label: line[0], text: line.slice(2) }))
}

const [train, dev] = [sst2('train'), sst2('dev')]
const textsOf = (examples) => examples.map(({ text }) => text)
// Texts end with a line end for the language model.
const tokenizer = Tokenizer.spaces(`${textsOf(train).join('\n')}\n`, { minCount: 2 })
const labelled = splitExamples(train, 0.2, { seed: 1 }).heldOut
const directory = (name) => path.join(values.runs, name)
const [verb, kind] = positionals

/** Sentences of WikiText-2 in small letters, of lengths that the others have. */
async function sentences() {
  const text = await readText(path.join(DATA, 'lm/wikitext-2/train.txt.gz'))
  return text
    .toLowerCase()
    .split(/ \. |\n/)
    .map((one) => `${one.replaceAll('<unk>', '').trim().replace(/\s+/g, ' ')} .`)
    .filter((one) => one.split(' ').length >= 5 && one.split(' ').length <= 30)
}

async function pretrain() {
  const sizes = { hidden: Number(values.hidden), embedding: Number(values.hidden), layers: 1 }
  const shared = { tokenizer, ...sizes, dropout: Number(values.dropout), seed: 1 }
  const how = {
    epochs: Number(values.epochs),
    optimizer: optim.adam({ lr: Number(values.rate) }),
    schedule: optim.schedule.cosine(),
    checkpoint: directory(kind),
    resume: true,
  }
  const texts = [...textsOf(train), ...(values.more ? await sentences() : [])]
  const joined = (texts) => `\n${texts.join('\n')}\n`
  const model =
    kind === 'lm'
      ? new LanguageModel({ ...shared, tieWeights: true })
      : new Autoencoder({
          ...shared,
          task: kind,
          encoder: { bidirectional: true, hidden: shared.hidden },
        })
  const run =
    kind === 'lm'
      ? model.fit(joined(texts), { ...how, validation: joined(textsOf(dev)), batch: 20, steps: 40 })
      : model.fit(texts, { ...how, validation: textsOf(dev), batchTokens: 1500 })
  for await (const { epoch, seconds, validation } of run)
    if (validation)
      console.log(`epoch ${epoch}, ${seconds.toFixed(0)} s: ${validation.loss.toFixed(4)}`)
}

/** Accuracies of the weights of a run that have the lowest loss on the development data. */
async function accuraciesOf(start, seed, test) {
  const pretrained = start === 'chance' ? undefined : await loadPretrained(directory(start))
  const hidden = Number(values.hidden)
  const begun = pretrained ? { pretrained } : { tokenizer, hidden, embedding: hidden }
  const options = { bidirectional: true, dropout: 0.5, ...JSON.parse(values.options), seed }
  const model = new TextClassifier({ labels: ['0', '1'], ...begun, ...options })
  await pretrained?.dispose()
  const checkpoint = directory(`classifier-${start}-${seed}`)
  await model.fit(labelled, {
    ...{ epochs: 12, batch: 32, optimizer: optim.adam({ lr: 1e-3 }), validation: dev },
    ...{ checkpoint, overwrite: true, ...JSON.parse(values.fit) },
  })
  await model.dispose()
  const best = await TextClassifier.load(checkpoint)
  const percent = async (examples) => 100 * (await best.evaluate(examples)).accuracy
  const found = { dev: await percent(dev), ...(test && { test: await percent(test) }) }
  await best.dispose()
  return found
}

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length
const deviation = (list) =>
  Math.sqrt(list.reduce((sum, x) => sum + (x - mean(list)) ** 2, 0) / (list.length - 1))
const summary = (list) => ({
  ...{ mean: Number(mean(list).toFixed(2)), deviation: Number(deviation(list).toFixed(2)) },
  each: list.map((x) => Number(x.toFixed(2))),
})

async function compare() {
  const test = values.test ? sst2('test') : null
  const result = {}
  for (const start of values.start.split(',')) {
    const all = []
    for (let seed = 1; seed <= Number(values.seeds); ++seed)
      all.push(await accuraciesOf(start, seed, test))
    result[start] = { dev: summary(all.map(({ dev }) => dev)) }
    if (test) result[start].test = summary(all.map(({ test }) => test))
    console.log(start, JSON.stringify(result[start]))
  }
  const { hidden, options, fit, seeds } = values
  const settings = { labelled: labelled.length, texts: train.length, hidden, options, fit, seeds }
  if (test) record('autoencoder', { data: 'SST-2', settings, starts: result })
}

await (verb === 'pretrain' ? pretrain() : compare())

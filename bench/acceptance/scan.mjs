// SCAN, simple split: commands to actions, exact match on the test set.
//
//   node bench/acceptance/scan.mjs [--seconds 900] [--seed 1]
//
// Records bench/results/scan.json.
import { parseArgs } from 'node:util'
import { metrics, optim, readLines, Seq2Seq, Tokenizer } from 'rnnative'
import { DATA, record, timed, train } from './seq2seq.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '900' },
    seed: { type: 'string', default: '1' },
  },
})
const [maxSeconds, seed] = [Number(values.seconds), Number(values.seed)]

async function read(set) {
  const lines = await readLines(`${DATA}/seq2seq/scan/simple_split/tasks_${set}_simple.txt.gz`)
  return lines.map((line) => /^IN: (.*) OUT: (.*)$/.exec(line).slice(1))
}
const [all, test] = await Promise.all(['train', 'test'].map(read))
// The set has no part to validate with: every twentieth pair.
const validation = all.filter((_, i) => i % 20 === 0)
const training = all.filter((_, i) => i % 20 !== 0)

const [source, target] = [0, 1].map((side) => Tokenizer.spaces(training.map((pair) => pair[side])))
const settings = {
  ...{ cell: 'lstm', layers: 1, hidden: 200, embedding: 64, attention: 'additive' },
  ...{ encoder: { bidirectional: true }, dropout: 0.1, seed },
}
const learning = { batchTokens: 3000, clipNorm: 1 }
const [learningRate, gamma] = [2e-3, 0.9]
const model = new Seq2Seq({ source, target, ...settings })
const run = await train(model, training, {
  ...{ ...learning, maxSeconds, validation },
  optimizer: optim.adam({ lr: learningRate }),
  schedule: optim.schedule.exponential({ gamma }),
})
const sources = test.map(([command]) => command)
const { seconds, result } = await timed(() => model.translate(sources, { beam: 1 }))
const references = test.map(([, actions]) => actions)
const { score, matched, total } = metrics.exactMatch(
  result.map(({ text }) => text),
  references,
)
console.log(`${matched} of ${total} exact (${score.toFixed(2)}%), ${run.seconds} s of training`)
record('scan', {
  ...{ score, matched, total, decoding: { beam: 1 }, decodingSeconds: seconds },
  ...{
    parameters: model.parameterCount,
    settings: { ...settings, ...learning, learningRate, gamma },
  },
  run,
})
await model.dispose()

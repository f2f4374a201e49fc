// Language models through the calls that a user makes: LanguageModel.fit and LanguageModel.generate.
import { LanguageModel, optim, synchronize, Tokenizer } from '#dist/index.js'
import { timed } from '../../measure/serve.mjs'

const WARM_STEPS = 2 // of each fit: its first step makes the optimizer's state, or records a program

/** A vocabulary of `size` tokens, `<unk>` included. */
function makeTokenizer(size) {
  const words = Array.from({ length: size - 1 }, (_, i) => `w${i}`).join(' ')
  return Tokenizer.spaces(words, { vocabulary: size })
}

const makeModel = ({ vocabulary, layers, hidden, dropout, precision, device }) =>
  new LanguageModel({
    ...{
      tokenizer: makeTokenizer(vocabulary),
      layers,
      hidden,
      dropout,
      precision,
      device,
      seed: 1,
    },
  })

/** Milliseconds of each step of a fit, from one event to the next: all that happens between counts. */
export async function fitSteps(model, data, options, count) {
  const run = model.fit(data, { ...options, maxSteps: WARM_STEPS + count })
  const milliseconds = []
  let last = 0
  for await (const { step } of run) {
    const now = performance.now()
    if (step > WARM_STEPS) milliseconds.push(now - last)
    last = now
  }
  return milliseconds
}

export async function prepareLanguage(task) {
  const { vocabulary, steps, batch, clipNorm } = task
  const model = makeModel(task)
  await synchronize() // its weights are there before memory is measured
  // Uniform ids, as for PyTorch: speed does not depend on them.
  const ids = Int32Array.from({ length: batch * steps * 100 + 1 }, (_, i) =>
    Math.floor((((i + 1) * 0.6180339887) % 1) * vocabulary),
  )
  const { kind, ...settings } = task.optimizer
  const options = { batch, steps, clipNorm, optimizer: optim[kind](settings) }
  return {
    runs: (count) => fitSteps(model, ids, options, count),
    dispose: () => model.dispose(),
  }
}

export async function prepareGeneration({ tokens, ...task }) {
  const model = makeModel({ ...task, dropout: 0 })
  return {
    runs: timed(async () => {
      // eslint-disable-next-line no-unused-vars -- generated to the end, and dropped
      for await (const _ of model.generate('w0', { length: tokens, seed: 1 }));
    }),
    dispose: () => model.dispose(),
  }
}

/** Commands of n-gram models. The models are loaded when a command runs. */
import type { Command } from 'commander'
import { ngramOptions } from '../../models/ngram/options'
import type { NgramModel } from '../../models/ngram/model'
import { choice, count, flag, path, text } from '../../schema'
import type { Made } from '../../schema'
import { addFlags, file, generation, json, neededFile, overwriteModel } from '../arguments'
import { refuseFlags, takeFlags, type Flags } from '../arguments'

const trainFlags = {
  text: neededFile('text to count, gzip allowed; - is standard input'),
  unit: choice(['word', 'char', 'space'], { about: 'what a token is', default: 'space' }),
  vocabulary: count({ about: 'most tokens', defaultText: '50,000' }),
  ...ngramOptions.rows,
  output: path({ about: 'directory of the model', argument: '<dir>', required: true }),
  overwrite: overwriteModel,
  arpa: file('write the model as an ARPA file, too'),
  json,
}

const model = text({
  about: 'a saved model, or an ARPA file',
  ...{ argument: '<path>', required: true },
})

const evaluateFlags = {
  model,
  text: neededFile('text to score, gzip allowed; - is standard input'),
  json,
}

const generateFlags = {
  model,
  ...generation,
  mcmc: flag({ about: 'draw a sentence with the words of --template in place, by Monte Carlo' }),
  template: text({ about: 'words, and _ for each that is drawn, such as "a _ c"' }),
  iterations: count({ about: 'sweeps over the blanks', default: 1000 }),
  method: choice(['gibbs', 'metropolis-hastings'], {
    about: 'how the word of a blank is drawn',
    default: 'gibbs',
  }),
  json,
}

export function addNgram(program: Command): void {
  const ngram = program
    .command('ngram')
    .description('n-gram models with modified Kneser-Ney smoothing')
  addFlags(
    ngram.command('train').description('count a text; a line is a sentence'),
    trainFlags,
  ).action((flags: Flags) => train(takeFlags(trainFlags, flags)))
  addFlags(
    ngram.command('eval').description("score every word of a text and each line's end"),
    evaluateFlags,
  ).action((flags: Flags) => evaluate(takeFlags(evaluateFlags, flags)))
  addFlags(
    ngram.command('generate').description('continue a prompt, or fill in the blanks of a sentence'),
    generateFlags,
  ).action((flags: Flags) => generate(takeFlags(generateFlags, flags)))
}

async function train(flags: Made<typeof trainFlags>): Promise<void> {
  const { text: input, unit, vocabulary, output, overwrite, arpa, json: asJson, ...options } = flags
  const { NgramModel } = await import('../../models/index.js')
  const { makeTokenizer, readInput } = await import('../texts.js')
  const { printJson, printTable } = await import('../../watch/output.js')
  const { tryModelDirectory } = await import('../../io/model-directory.js')
  const { tryFile } = await import('../../io/files.js')
  await tryModelDirectory(output, overwrite)
  if (arpa !== undefined) await tryFile(arpa)
  const learned = (await readInput(input, unit)) as string
  const tokenizer = await makeTokenizer(unit, [learned], vocabulary)
  const made = new NgramModel({ ...options, tokenizer })
  const began = performance.now()
  const result = await made.fit(learned)
  const seconds = (performance.now() - began) / 1000
  await made.save(output)
  if (arpa !== undefined) await made.saveArpa(arpa)
  if (asJson) return printJson({ ...result, seconds })
  printTable({
    tokens: result.tokens,
    ...Object.fromEntries(result.ngrams.map((found, i) => [`${i + 1}-grams`, found])),
    seconds: seconds.toFixed(1),
  })
}

/** A directory holds a saved model, a file is in ARPA's format. */
async function loadNgram(path: string): Promise<NgramModel> {
  const { NgramModel } = await import('../../models/index.js')
  const { stat } = await import('node:fs/promises')
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
  return isFile ? NgramModel.fromArpa(path) : NgramModel.load(path)
}

async function evaluate(flags: Made<typeof evaluateFlags>): Promise<void> {
  const { readInput } = await import('../texts.js')
  const { printJson, printTable } = await import('../../watch/output.js')
  const loaded = await loadNgram(flags.model)
  const score = await loaded.evaluate((await readInput(flags.text, 'space')) as string)
  if (flags.json) return printJson(score)
  printTable({
    perplexity: score.perplexity.toFixed(3),
    'without unknown': score.perplexityKnown.toFixed(3),
    nats: score.nats.toFixed(4),
    tokens: score.tokens,
    unknown: score.unknown,
  })
}

async function generate(flags: Made<typeof generateFlags>): Promise<void> {
  const {
    model: from,
    prompt,
    mcmc,
    template,
    iterations,
    method,
    json: asJson,
    ...options
  } = flags
  const sampling = mcmc || template !== undefined
  const others = sampling
    ? ['prompt', 'length', 'temperature', 'topK', 'topP']
    : ['iterations', 'method']
  const why = sampling ? 'expected none with --template' : 'only together with --template'
  refuseFlags(generateFlags, flags, others, why)
  const loaded = await loadNgram(from)
  if (sampling) {
    const { printJson } = await import('../../watch/output.js')
    const { seed } = options
    const { samples, acceptance } = await loaded.sample(template ?? '', {
      iterations,
      method,
      seed,
    })
    const last = samples.at(-1)
    if (asJson) return printJson({ ...last, acceptance, iterations, method })
    process.stdout.write(`${last?.text}\n`)
    process.stderr.write(`accepted ${(100 * acceptance).toFixed(1)}% of the proposals\n`)
    return
  }
  process.stdout.write(prompt)
  for await (const piece of loaded.generate(prompt, options)) process.stdout.write(piece)
  process.stdout.write('\n')
}

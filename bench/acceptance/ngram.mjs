// N-grams of WikiText-2 beside KenLM: perplexity, time to build, tokens scored a second; and interpolated with a language model.
//
//   node bench/acceptance/ngram.mjs [--lmplz PATH] [--order 5] [--model DIR]
//
// --lmplz: KenLM's programs, run in turn with ours, on the same text (`<unk>` written <UNK_>, which they take for a word).
// --model: a LanguageModel of the same tokens, for the interpolation. Records bench/results/ngram.json.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Interpolated, LanguageModel, NgramModel, readText, Tokenizer } from 'rnnative'
import { DATA, record } from './seq2seq.mjs'

const { values: options } = parseArgs({
  options: {
    lmplz: { type: 'string' },
    order: { type: 'string', default: '5' },
    model: { type: 'string' },
  },
})
const ROUNDS = 3
const order = Number(options.order)
const read = (part) => readText(`${DATA}/lm/wikitext-2/${part}.txt.gz`)
const [train, valid, test] = await Promise.all(['train', 'valid', 'test'].map(read))
const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-bench-'))
const at = (name) => path.join(scratch, name)

/** CPU seconds of what a body computes here, and what it gives. */
async function measured(body) {
  const before = process.cpuUsage()
  const result = await body()
  const { user, system } = process.cpuUsage(before)
  return { seconds: (user + system) / 1e6, result }
}

async function ours() {
  const { seconds: tokenizing, result: tokenizer } = await measured(() =>
    Tokenizer.learn('spaces', train),
  )
  const model = new NgramModel({ tokenizer, order })
  const { seconds: building, result: fit } = await measured(() => model.fit(train))
  const { seconds: scoring, result: score } = await measured(() => model.evaluate(test))
  return { model, building: tokenizing + building, scoring, score, ngrams: fit.ngrams }
}

function kenlm() {
  const given = openSync(at('train.txt'), 'r')
  const arpa = openSync(at('arpa'), 'w')
  const args = [
    '-o',
    String(order),
    '-S',
    '2G',
    '-T',
    scratch,
    ...(order > 1 ? [] : ['--discount_fallback']),
  ]
  const built = spawnSync(path.join(options.lmplz, 'lmplz'), args, { stdio: [given, arpa, 'pipe'] })
  closeSync(given)
  closeSync(arpa)
  const [, building] = /CPU:([\d.]+)/.exec(String(built.stderr)) ?? []
  const asked = spawnSync(path.join(options.lmplz, 'query'), ['-v', 'summary', at('arpa')], {
    ...{ input: readFileSync(at('test.txt')), encoding: 'utf8' },
  })
  const [, perplexity] = /Perplexity including OOVs:\s*([\d.]+)/.exec(asked.stdout) ?? []
  return { building: Number(building), perplexity: Number(perplexity) }
}

const middle = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

try {
  if (options.lmplz)
    for (const [name, text] of Object.entries({ train, test }))
      writeFileSync(at(`${name}.txt`), text.replaceAll('<unk>', '<UNK_>'))
  const rounds = []
  for (let round = 0; round < ROUNDS; ++round) {
    rounds.push({ ours: await ours(), kenlm: options.lmplz ? kenlm() : null })
    const { ours: own, kenlm: other } = rounds.at(-1)
    console.log(
      `perplexity ${own.score.perplexity.toFixed(2)}, built in ${own.building.toFixed(1)} CPU s, ` +
        `${Math.round(own.score.tokens / own.scoring)} tokens/s` +
        (other ? `; KenLM ${other.perplexity.toFixed(2)}, ${other.building.toFixed(1)} CPU s` : ''),
    )
  }
  const [{ ours: own, kenlm: other }] = rounds
  const result = {
    ...{ order, ngrams: own.ngrams, test: own.score },
    buildingSeconds: middle(rounds.map(({ ours: { building } }) => building)),
    tokensPerSecond: Math.round(
      own.score.tokens / middle(rounds.map(({ ours: { scoring } }) => scoring)),
    ),
    kenlm: other && {
      perplexity: other.perplexity,
      buildingSeconds: middle(rounds.map((round) => round.kenlm.building)),
    },
  }
  if (options.model) {
    const lm = await LanguageModel.load(options.model)
    const ngram = new NgramModel({ tokenizer: lm.tokenizer, order })
    await ngram.fit(train)
    const both = new Interpolated([lm, ngram])
    const weights = await both.tune(valid)
    result.interpolated = {
      weights,
      languageModel: (await new Interpolated([lm]).evaluate(test)).perplexity,
      ngram: (await new Interpolated([ngram]).evaluate(test)).perplexity,
      both: (await both.evaluate(test)).perplexity,
    }
    console.log(result.interpolated)
    await lm.dispose()
  }
  record('ngram', result)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

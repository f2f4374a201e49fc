// Records as rows of one shape, whichever script left them:
//
//   { suite, row, rival, unit, ours, theirs, ratio, noise }
//
// `ratio`: how many times as good ours is, above 1 where it is ahead, whichever way the unit counts. `noise`: by how much of
// itself `ours` (and `ratioNoise`: the ratio) moves from turn to turn. A row without a rival has `rival`, `theirs` and
// `ratio` null; one that could not be measured has `unavailable`.

/** Half of what lies between the quartiles of turns, as a part; of older records the way from the least to the median. */
export const noiseOf = ({ noise, milliseconds, min }) =>
  noise ?? (min === undefined ? null : (milliseconds - min) / milliseconds)

const both = (a, b) => (a === null || b === null ? null : Math.hypot(a, b))

/** Rows of `results` by entrant, which measureRow leaves; the unit is ms unless `bytes` were measured. */
function entrants(row, results, unit = 'ms') {
  const measure =
    unit === 'MiB' ? ({ bytes }) => bytes / 2 ** 20 : ({ milliseconds }) => milliseconds
  const own = Object.keys(results).filter((name) => /^ours/.test(name))
  const rivals = Object.keys(results).filter((name) => !own.includes(name))
  return own.flatMap((name) => {
    const ours = results[name]
    const id = name === 'ours' ? row : `${row} ${name}`
    if (ours.unavailable) return [{ row: id, rival: null, unavailable: ours.unavailable }]
    const base = { unit, ours: measure(ours), noise: noiseOf(ours) }
    const met = rivals.map((rival) => {
      const theirs = results[rival]
      if (theirs.unavailable) return { row: id, rival, ...base, unavailable: theirs.unavailable }
      const compared = { theirs: measure(theirs), ratio: measure(theirs) / base.ours }
      return { row: id, rival, ...base, ...compared, ratioNoise: both(base.noise, noiseOf(theirs)) }
    })
    const alone = { row: id, rival: null, ...base, theirs: null, ratio: null }
    return met.length > 0 ? met : [alone]
  })
}

/** A rate of ours, more of which is better, beside that of another. */
const rates = (row, unit, ours, rivals, noise = null) => {
  const met = Object.entries(rivals).filter(([, theirs]) => theirs !== undefined)
  const base = { row, unit, ours, noise }
  if (met.length === 0) return [{ ...base, rival: null, theirs: null, ratio: null }]
  return met.map(([rival, theirs]) => ({ ...base, rival, theirs, ratio: ours / theirs }))
}

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1]
const spread = (all) => (Math.max(...all) - Math.min(...all)) / 2 / median(all)

export const reading = {
  rows: ({ rows }) => rows.flatMap(({ id, results }) => entrants(id, results)),
  memory: ({ rows }) => rows.flatMap(({ id, results }) => entrants(id, results, 'MiB')),
  attention: ({ score, batch, queries, keys, time, memory }) => {
    const id = `attention/${score}/B${batch} Tq${queries} Tk${keys}`
    return [...entrants(id, time), ...entrants(`${id}/memory`, memory, 'MiB')]
  },
  part: (name) => (record) =>
    record[name] === undefined ? [] : entrants(`seq2seq/${name}`, record[name].results),
  lazy: ({ stepsPerSecond }) =>
    stepsPerSecond.flatMap(({ what, vocabulary, dense, lazy, noise }) =>
      rates(`${what}/V${vocabulary}`, 'steps/s', lazy, { 'updated whole': dense }, noise),
    ),
  vectors: ({ result }) => {
    const PAIRS = {
      skipgram: 'word2vec.c skipgram',
      cbow: 'word2vec.c cbow',
      fasttext: 'fastText skipgram',
    }
    const speed = (name) => result[name]?.wordsPerCpuSecond
    return Object.entries(PAIRS).flatMap(([own, rival]) => {
      const all = result[own].seeds.map((one) => one.wordsPerCpuSecond)
      return rates(
        `vectors/${own}`,
        'words/CPU s',
        speed(own),
        { [rival]: speed(rival) },
        spread(all),
      )
    })
  },
  charLm: ({ rounds }) => {
    const speeds = (who) => rounds.map((round) => round[who]?.tokensPerSecond)
    const [ours, theirs] = [speeds('rnnative'), speeds('pytorch')]
    const torch = theirs.includes(undefined) ? undefined : median(theirs)
    return rates('char-lm', 'tokens/s', median(ours), { torch }, spread(ours))
  },
  ranks: (record) =>
    Object.entries(record.rows ?? record)
      .filter(([, row]) => row?.['two ranks, a thread each'] !== undefined)
      .flatMap(([name, row]) =>
        rates(`ranks/${name}`, 'tokens/s', row['two ranks, a thread each'], {
          'one process, two threads': row['one process, two threads'],
          torch: row['PyTorch DDP, two processes'],
        }),
      ),
  serve: ({ batched, single }) =>
    rates('serve/batched', 'sentences/s', batched.sentencesPerSecond, {
      'one at a time': single.sentencesPerSecond,
    }),
  latency: ({ results }) =>
    results.map(({ precision, threads, beam, sentence, tenth, ninetieth }) => ({
      ...{
        row: `latency/${precision}/beam ${beam}/${threads}`,
        rival: null,
        theirs: null,
        ratio: null,
      },
      ...{ unit: 'ms', ours: sentence, noise: (ninetieth - tenth) / 4 / sentence },
    })),
  int8: ({ rows }) =>
    rows.flatMap(({ id, results: { 'ours-int8': ours, ...others } }) => {
      const met = Object.entries(others).map(([name, one]) => [name.replace('ours-', 'our '), one])
      return entrants(id, { ours, ...Object.fromEntries(met) })
    }),
  softmaxes: ({ rows }) =>
    rows.flatMap(({ name, softmax, stepsPerSecond, ratio }) =>
      rates(`${name}/${softmax}`, 'steps/s', stepsPerSecond, {
        ...(softmax !== 'full' && { 'full softmax': stepsPerSecond / ratio }),
      }),
    ),
  /** Records that have rows of this shape already. */
  plain: ({ rows }) => rows,
}

/** What is better of this unit: less or more. */
export const lessIsBetter = (unit) => ['ms', 'MiB'].includes(unit)

export const readRecord = (suite, record) =>
  suite.read(record).map((row) => ({ suite: suite.name, ...row }))

/** What ours is held against that is ours, too: tells nothing of others. */
const OWN = [
  ...['plain', 'updated whole', 'one process, two threads', 'one at a time', 'ours-padded'],
  ...['our f32', 'our bf16', 'full softmax'],
]
export const isForeign = (rival) => rival !== null && !OWN.includes(rival)

/** Where it ran: for the question whether two records can be held against each other. */
export function machineOf(record) {
  if (record.machine) return record.machine
  const { cpu, processor, cores, isa, versions } = record
  return { cpu, processor, cores, isa: versions?.isa ?? isa }
}

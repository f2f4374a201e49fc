// Holds a new run against the recorded one, and names the rows that are slower by more than the noise of both:
//
//   npm run bench:compare -- [--run DIR[,DIR...] | --repeats 2] [--base DIR] [--only SUITE,...] [--quick] [--python PATH] [--node]
//
// --run: folders that `npm run bench -- --out DIR` filled; without it the suites run --repeats times, into .cache/bench-compare.
// --base: what is held against, bench/results if not given. A row's noise is what both records tell of it and how far apart its
// repeats lie, and 2% at least; it counts as slower when it is so by more than twice that. On another processor or instruction set
// only the ratios to rivals are held against each other, and rows without rivals are named as left out. Ends with 1 where a
// row is slower, with 2 where nothing could be compared.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { isForeign, lessIsBetter, machineOf, readRecord } from './measure/reading.mjs'
import { RUN_OPTIONS, runSuites } from './measure/run-suites.mjs'
import { chooseSuites } from './suites.mjs'
import { recorded } from './tables.mjs'

const RESULTS = path.resolve(import.meta.dirname, 'results')
const RUNS = path.resolve(import.meta.dirname, '../.cache/bench-compare')
const LEAST_NOISE = 0.02

const keyOf = ({ row, rival }) => `${row} ${rival ?? ''}`
const mean = (all) => all.reduce((a, b) => a + b, 0) / all.length

/** Half of what lies between the repeats of a figure, as a part of their mean. */
const apart = (all) => (Math.max(...all) - Math.min(...all)) / 2 / mean(all)

/** What differs between two machines, as text; empty where nothing that both tell of does. */
function difference(a, b) {
  const [before, now] = [machineOf(a), machineOf(b)]
  return ['cpu', 'processor', 'cores', 'isa']
    .filter((name) => before[name] !== undefined && before[name] !== now[name])
    .map((name) => `${name} ${before[name]} then, ${now[name]} now`)
    .join('; ')
}

/** One row: by how much of itself it became worse (below 0: better), and how much that may be by chance. */
function judge(before, repeats, byRatio) {
  const figure = (row) =>
    byRatio ? 1 / row.ratio : lessIsBetter(row.unit) ? row.ours : 1 / row.ours
  const noiseIn = (row) => (byRatio ? row.ratioNoise : row.noise) ?? 0
  const now = repeats.map(figure)
  const noise = Math.hypot(noiseIn(before), Math.max(apart(now), ...repeats.map(noiseIn)))
  return { slower: mean(now) / figure(before) - 1, noise: Math.max(LEAST_NOISE, noise) }
}

/** Rows of one suite that are slower, faster, and those that were left out, by name. */
export function compareRecords(suite, before, runs) {
  const differs = difference(before, runs[0])
  const now = runs.map((run) => new Map(readRecord(suite, run).map((row) => [keyOf(row), row])))
  const found = { suite: suite.name, differs, compared: 0, slower: [], faster: [], leftOut: [] }
  const seen = new Set()
  for (const row of readRecord(suite, before)) {
    const repeats = now.map((rows) => rows.get(keyOf(row))).filter(Boolean)
    // A run of some rows only says nothing of the others.
    if (repeats.length === 0 || row.unavailable) continue
    const name = `${suite.name}: ${keyOf(row).trim()}`
    if (repeats.some(({ unavailable }) => unavailable)) {
      // Where a rival is not there any more its row still tells how fast ours is.
      if (differs || !repeats.every(({ ours }) => ours > 0)) {
        found.leftOut.push(`${name}: ${repeats[0].unavailable}`)
        continue
      }
    }
    if (differs && !isForeign(row.rival)) {
      found.leftOut.push(`${name}: no rival, and another machine`)
      continue
    }
    // Ours is the same figure in each rival's row: it counts once.
    if (!differs && seen.has(row.row)) continue
    seen.add(row.row)
    ++found.compared
    const { slower, noise } = judge(row, repeats, differs !== '')
    const one = { row: name, slower, noise }
    if (slower > 2 * noise) found.slower.push(one)
    else if (slower < -2 * noise) found.faster.push(one)
  }
  return found
}

const percent = (part) => `${(100 * part).toFixed(1)}%`

async function main() {
  const { values: options } = parseArgs({
    options: {
      run: { type: 'string' },
      repeats: { type: 'string', default: '2' },
      base: { type: 'string', default: RESULTS },
      ...RUN_OPTIONS,
    },
  })
  const suites = chooseSuites(options.only)
  const base = path.resolve(options.base)
  let folders = options.run?.split(',').map((folder) => path.resolve(folder))
  for (const folder of [base, ...(folders ?? [])])
    if (!existsSync(folder)) throw new Error(`no folder ${folder}`)
  if (folders === undefined) {
    const repeats = Number(options.repeats)
    if (!(Number.isInteger(repeats) && repeats > 0))
      throw new Error(`--repeats: expected a whole number above 0, got ${options.repeats}`)
    rmSync(RUNS, { recursive: true, force: true })
    folders = Array.from({ length: repeats }, (_, i) => path.join(RUNS, String(i)))
    for (const folder of folders) {
      mkdirSync(folder, { recursive: true })
      await runSuites(suites, options, folder)
    }
  }
  let [compared, slow] = [0, 0]
  for (const suite of suites) {
    const before = recorded(suite, base)
    const runs = folders.map((folder) => recorded(suite, folder)).filter((run) => run !== null)
    if (before === null || runs.length === 0) {
      console.log(
        `${suite.name}: ${before === null ? `nothing recorded in ${options.base}` : 'did not run'}`,
      )
      continue
    }
    const found = compareRecords(suite, before, runs)
    if (found.differs)
      console.log(`${suite.name}: another machine (${found.differs}): ratios to rivals only`)
    for (const name of found.leftOut) console.log(`  left out: ${name}`)
    for (const { row, slower, noise } of found.faster)
      console.log(`  faster: ${row}: by ${percent(-slower)}, noise ${percent(noise)}`)
    for (const { row, slower, noise } of found.slower)
      console.log(`  SLOWER: ${row}: by ${percent(slower)}, noise ${percent(noise)}`)
    console.log(`${suite.name}: ${found.compared} rows compared, ${found.slower.length} slower`)
    compared += found.compared
    slow += found.slower.length
  }
  console.log(`${compared} rows compared, ${slow} slower by more than their noise`)
  if (compared === 0) process.exitCode = 2
  else if (slow > 0) process.exitCode = 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()

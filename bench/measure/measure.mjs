// One row: all entrants prepare and warm up, then take turns for some rounds.
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { roundTrip } from './round-trip.mjs'

const PAUSE = 20 // ms between turns
const TURN = 60 // ms that a turn should last at least
const MOST_RUNS = 20 // in a turn
const WARM_UP = 1000 // ms, or so many runs; but three at least, unless they take three times as long
const WARM_RUNS = 40
const PEAK_SECONDS = 0.2
const MEMORY_STEPS = 4

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE))

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Half of what lies between the quartiles of the turns' medians, as a part of their own median. */
function noiseOf(turns) {
  const sorted = turns.map(median).sort((a, b) => a - b)
  const at = (share) => {
    const place = share * (sorted.length - 1)
    const [low, high] = [Math.floor(place), Math.ceil(place)]
    return sorted[low] + (sorted[high] - sorted[low]) * (place - low)
  }
  return (at(0.75) - at(0.25)) / 2 / at(0.5)
}

const unavailable = (error) => ({ unavailable: error.code ? `${error.code}` : error.message })

/** onnxruntime-node loads a file that onnxruntime's Python side writes. */
async function withModel(house, { contestant, task }, threads, work) {
  if (contestant !== 'ort-node') return work(task)
  const folder = mkdtempSync(path.join(os.tmpdir(), 'rnnative-peers-'))
  try {
    const model = path.join(folder, 'model.onnx')
    const writer = await house.get('ort', 'ort', threads)
    await writer.request('export', { task, path: model })
    return await work({ ...task, model })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function countFlops(house, row) {
  const ours = await house.get('ours', 'ours', row.threads)
  return (await ours.request('flops', { row })).flops
}

async function measurePeak(house, threads) {
  const ours = await house.get('ours', 'ours', threads)
  await pause()
  const { gflops } = await house.turn(ours, () => ours.request('peak', { seconds: PEAK_SECONDS }))
  return gflops
}

/** Ready to run, with an estimate of a run's time; or why it cannot. */
async function prepare(house, entrant, threads) {
  try {
    const member = await house.get(entrant.name, entrant.contestant, threads)
    const details = await withModel(house, entrant, threads, (task) =>
      house.turn(member, () => member.request('prepare', { task })),
    )
    let spent = 0
    let estimate = 0
    const warming = (run) => (run < 3 ? spent < 3 * WARM_UP : spent < WARM_UP && run < WARM_RUNS)
    for (let run = 0; warming(run); ++run) {
      const [ms] = await take(house, member, 1)
      estimate = ms
      spent += ms
    }
    return { ...entrant, member, details, estimate, turns: [] }
  } catch (error) {
    return { ...entrant, ...unavailable(error) }
  }
}

async function take(house, member, count) {
  await pause()
  const { milliseconds } = await house.turn(member, () => member.request('run', { count }))
  return milliseconds
}

function summarise(entrant, { flops, peak, tokens }) {
  if (entrant.unavailable) return { unavailable: entrant.unavailable }
  const { turns, details } = entrant
  const milliseconds = turns.flat()
  const result = {
    milliseconds: median(milliseconds),
    noise: noiseOf(turns),
    min: Math.min(...milliseconds),
    max: Math.max(...milliseconds),
    runs: milliseconds.length,
  }
  if (flops) result.gflops = flops / result.milliseconds / 1e6
  if (peak) result.percent = (100 * result.gflops) / peak
  if (tokens) result.tokensPerSecond = (tokens / result.milliseconds) * 1000
  return details.variant ? { ...result, variant: details.variant } : result
}

/** Adds to each of ours how many times as long every rival takes. */
function compare(results) {
  const names = Object.keys(results)
  for (const name of names.filter((name) => name.startsWith('ours'))) {
    const ours = results[name]
    if (ours.unavailable) continue
    ours.ratio = Object.fromEntries(
      names
        .filter((rival) => rival !== name && !results[rival].unavailable)
        .map((rival) => [rival, results[rival].milliseconds / ours.milliseconds]),
    )
  }
  return results
}

async function measureTime(row, house, { rounds, runs, secondsPerRow }) {
  const { threads, tokens } = row
  const entrants = []
  for (const entrant of row.entrants) entrants.push(await prepare(house, entrant, threads))
  const ready = entrants.filter(({ member }) => member)
  const flops = row.section === 'layers' ? await countFlops(house, row) : undefined
  const peaks = flops ? [await measurePeak(house, threads)] : []
  const trips = flops && threads === 2 ? [await roundTrip()] : null
  const began = performance.now()
  for (let round = 0; round < rounds; ++round) {
    if ((performance.now() - began) / 1000 > secondsPerRow) break
    const first = round % ready.length // who goes first changes from round to round
    const order = [...ready.slice(first), ...ready.slice(0, first)]
    for (const entrant of order.filter(({ unavailable }) => !unavailable)) {
      const { member, estimate, turns } = entrant
      const count = runs ?? Math.min(MOST_RUNS, Math.max(1, Math.round(TURN / estimate)))
      try {
        turns.push(await take(house, member, count))
      } catch (error) {
        Object.assign(entrant, unavailable(error))
      }
    }
  }
  if (flops) peaks.push(await measurePeak(house, threads))
  trips?.push(await roundTrip())
  const peak = flops && Math.max(...peaks)
  for (const { member } of ready) await member.request('release').catch(() => undefined)
  const results = entrants.map((entrant) => [
    entrant.name,
    summarise(entrant, { flops, peak, tokens }),
  ])
  const compared = compare(Object.fromEntries(results))
  return { flops, peak, ...(trips && { roundTrip: trips }), results: compared }
}

/** Each entrant in a process of its own, from its very first step on. */
async function measureMemory(row, house) {
  const results = {}
  for (const { name, contestant, task } of row.entrants) {
    let member
    try {
      member = await house.start(contestant, row.threads)
      await member.request('prepare', { task })
      results[name] = await member.request('memory', { count: MEMORY_STEPS })
    } catch (error) {
      results[name] = unavailable(error)
    } finally {
      await member?.close()
    }
  }
  const { ours, torch } = results
  if (ours?.bytes && torch?.bytes) ours.ratio = { torch: torch.bytes / ours.bytes }
  return { results }
}

/** The row's results; an entrant that cannot run it has `unavailable`, with the reason. */
export async function measureRow({ entrants, ...row }, house, options) {
  const measure = row.section === 'memory' ? measureMemory : measureTime
  return { ...row, ...(await measure({ entrants, ...row }, house, options)) }
}

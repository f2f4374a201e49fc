/** What a server counts, in the text format that Prometheus reads. */
import { memory } from '../tensor'
import type { Served } from './served'

const MIME = 'text/plain; version=0.0.4; charset=utf-8'

/** Seconds; of a histogram. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

type Labels = Readonly<Record<string, string | number>>

const escape = (value: string | number): string =>
  String(value).replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))

const keyOf = (labels: Labels): string => {
  const all = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`)
  return all.length > 0 ? `{${all.join(',')}}` : ''
}

interface Times {
  labels: Labels
  /** By bound. */
  counts: number[]
  count: number
  sum: number
}

export class Metrics {
  static readonly mime = MIME
  private readonly requests = new Map<string, number>()
  private readonly times = new Map<string, Times>()

  /** A request to a verb of a model that has been answered. */
  count(labels: { model: string; verb: string }, status: number, seconds: number): void {
    const key = keyOf({ ...labels, status })
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1)
    const own = keyOf(labels)
    let times = this.times.get(own)
    if (times === undefined) {
      times = { labels, counts: BOUNDS.map(() => 0), count: 0, sum: 0 }
      this.times.set(own, times)
    }
    BOUNDS.forEach((bound, i) => seconds <= bound && times.counts[i]!++)
    times.count++
    times.sum += seconds
  }

  text(models: readonly Served[]): string {
    const all = models.map(({ name, batcher: { stats } }) => ({
      key: keyOf({ model: name }),
      stats,
    }))
    const each = (of: (stats: (typeof all)[0]['stats']) => number) =>
      all.map(({ key, stats }): [string, number] => [key, of(stats)])
    return [
      ...family('requests_total', 'counter', 'Requests by answer', [...this.requests]),
      ...this.seconds(),
      ...family(
        'inputs_waiting',
        'gauge',
        'Inputs that wait',
        each((s) => s.waiting),
      ),
      ...family(
        'inputs_running',
        'gauge',
        'Inputs that are worked on',
        each((s) => s.running),
      ),
      ...family(
        'batches_total',
        'counter',
        'Batches that have run',
        each((s) => s.batches),
      ),
      ...family(
        'inputs_total',
        'counter',
        'Inputs that have been worked on',
        each((s) => s.inputs),
      ),
      ...family('engine_bytes', 'gauge', 'Memory of tensors', [['', memory().devices.cpu.bytes]]),
      ...family('process_bytes', 'gauge', 'Memory of the process', [
        ['', process.memoryUsage.rss()],
      ]),
      '',
    ].join('\n')
  }

  private seconds(): string[] {
    const name = 'rnnative_request_seconds'
    const lines = [`# HELP ${name} From a request to its answer`, `# TYPE ${name} histogram`]
    for (const { labels, counts, count, sum } of this.times.values()) {
      const bucket = (le: string, value: number) =>
        lines.push(`${name}_bucket${keyOf({ ...labels, le })} ${value}`)
      BOUNDS.forEach((bound, i) => bucket(String(bound), counts[i] as number))
      bucket('+Inf', count)
      lines.push(`${name}_sum${keyOf(labels)} ${sum}`, `${name}_count${keyOf(labels)} ${count}`)
    }
    return lines
  }
}

const family = (
  name: string,
  type: string,
  help: string,
  values: readonly (readonly [string, number])[],
): string[] => [
  `# HELP rnnative_${name} ${help}`,
  `# TYPE rnnative_${name} ${type}`,
  ...values.map(([key, value]) => `rnnative_${name}${key} ${value}`),
]

/** What commands and watchers print. */
import { optionsOf } from '../check'
import { expect } from '../errors'

export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Names and values in two columns. */
export function printTable(rows: Readonly<Record<string, unknown>>): void {
  const width = Math.max(...Object.keys(rows).map((name) => name.length))
  for (const [name, value] of Object.entries(rows))
    process.stdout.write(`${name.padEnd(width)}  ${String(value)}\n`)
}

/** `1:05` */
export const formatSeconds = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds))
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

/** One that has diverged is told by its power of ten. */
export const formatLoss = (loss: number): string =>
  Math.abs(loss) < 1e6 ? loss.toFixed(4) : loss.toExponential(2)

export const formatCount = (value: number): string => Math.round(value).toLocaleString('en-US')

/** The stream that options name, or another; `ERR_ARGUMENT` for what cannot be written to. */
export function streamOf<S extends { write(text: string): unknown }>(
  op: string,
  options: { stream?: S | undefined },
  usual: S,
): S {
  const { stream = usual } = optionsOf(op, options, { stream: true })
  const writes = typeof (stream as Partial<S> | null)?.write === 'function'
  expect(op, 'stream', writes, 'a stream to write to', stream)
  return stream
}

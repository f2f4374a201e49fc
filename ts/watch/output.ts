/** What commands and watchers print. */

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

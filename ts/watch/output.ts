/** What commands print. */

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

export const formatCount = (value: number): string => Math.round(value).toLocaleString('en-US')

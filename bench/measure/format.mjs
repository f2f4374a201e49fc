// Figures as text, for the terminal and for docs/benchmarks.md alike.

export const formatTime = (ms) =>
  `${ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)} ms`
export const formatSpeed = ({ tokensPerSecond }) => Math.round(tokensPerSecond).toLocaleString('en')
export const formatSize = ({ bytes }) => `${(bytes / 2 ** 20).toFixed(1)} MiB`
export const formatRatio = (ratio) => (ratio === undefined ? '' : `${ratio.toFixed(2)}×`)

function formatResult(result) {
  const { milliseconds, percent, gflops, bytes, unavailable } = result
  if (unavailable) return `n/a (${unavailable})`
  if (bytes !== undefined) return formatSize(result)
  const time = formatTime(milliseconds)
  if (result.tokensPerSecond !== undefined) return `${time}, ${formatSpeed(result)} tokens/s`
  if (percent === undefined) return time
  return `${time}, ${gflops.toFixed(0)} GFLOP/s, ${percent.toFixed(0)}%`
}

/** A row as one line: each entrant, each rival's with how many times as long as ours it takes. */
export function formatRow({ id, peak, roundTrip, results }) {
  const cells = Object.entries(results).map(([name, result]) =>
    `${name} ${formatResult(result)} ${formatRatio(results.ours?.ratio?.[name])}`.trim(),
  )
  if (peak) cells.push(`peak ${peak.toFixed(0)}`)
  if (roundTrip) cells.push(`cores ${roundTrip.join(' and ')} ns apart`)
  return `${id.padEnd(44)} ${cells.join(' | ')}`
}

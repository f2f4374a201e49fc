/** Logistic regression on vectors, two labels: full-batch descent on standardised numbers, a little weight decay. */
export function linearAccuracy(learned, asked, { rounds = 300, rate = 0.5, decay = 1e-4 } = {}) {
  const size = learned[0].vector.length
  const labels = [...new Set(learned.map(({ label }) => label))].sort()
  const means = new Float64Array(size)
  const deviations = new Float64Array(size)
  for (const { vector } of learned)
    for (let k = 0; k < size; ++k) means[k] += vector[k] / learned.length
  for (const { vector } of learned)
    for (let k = 0; k < size; ++k) deviations[k] += (vector[k] - means[k]) ** 2 / learned.length
  const scaled = ({ vector }) =>
    Float64Array.from(vector, (x, k) => (x - means[k]) / (Math.sqrt(deviations[k]) || 1))
  const rows = learned.map(scaled)
  const actual = learned.map(({ label }) => labels.indexOf(label))
  const weights = new Float64Array(size + 1)
  const score = (row) => row.reduce((sum, x, k) => sum + x * weights[k], weights[size])
  for (let round = 0; round < rounds; ++round) {
    const step = new Float64Array(size + 1)
    for (const [i, row] of rows.entries()) {
      const off = (actual[i] - 1 / (1 + Math.exp(-score(row)))) / rows.length
      for (let k = 0; k < size; ++k) step[k] += off * row[k]
      step[size] += off
    }
    for (let k = 0; k <= size; ++k) weights[k] += rate * (step[k] - decay * weights[k])
  }
  const right = asked.filter((one) => labels[Number(score(scaled(one)) > 0)] === one.label)
  return right.length / asked.length
}

// When and on what a measurement was made: every record begins with it.
import { readFileSync } from 'node:fs'
import os from 'node:os'

/** Processors of one brand differ: family and model tell them apart where the system says so. */
function processor() {
  const brand = os.cpus()[0]?.model
  try {
    const text = readFileSync('/proc/cpuinfo', 'utf8')
    const field = (name) => new RegExp(`^${name}\\s*: (\\d+)$`, 'm').exec(text)?.[1]
    const [family, model] = [field('cpu family'), field('model')]
    return family && model
      ? { cpu: brand, processor: `family ${family} model ${model}` }
      : { cpu: brand }
  } catch {
    return { cpu: brand }
  }
}

export const circumstances = () => ({
  date: new Date().toISOString(),
  ...processor(),
  cores: os.availableParallelism(),
})

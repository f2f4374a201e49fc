/** Reads the golden files that test/golden/make.py wrote. */
import { readFileSync } from 'node:fs'
import type { Host } from './host.mjs'

export interface GoldenCase<Settings> {
  name: string
  settings: Settings
  tensors: Record<string, Host>
}

interface Entry {
  dtype: 'F64' | 'I32'
  shape: number[]
  data_offsets: [number, number]
}

export function golden<Settings>(name: string): GoldenCase<Settings>[] {
  const file = readFileSync(`test/golden/${name}.safetensors`)
  const length = Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString('utf8', 8, 8 + length)) as Record<string, Entry> & {
    __metadata__: { cases: string }
  }
  const { __metadata__, ...entries } = header
  const cases = JSON.parse(__metadata__.cases) as Record<string, Settings>
  return Object.entries(cases).map(([name, settings]) => {
    const tensors: Record<string, Host> = {}
    for (const [key, { dtype, shape, data_offsets }] of Object.entries(entries)) {
      if (!key.startsWith(`${name}/`)) continue
      const bytes = file.subarray(8 + length + data_offsets[0], 8 + length + data_offsets[1])
      const { buffer } = new Uint8Array(bytes) // a copy: typed arrays want aligned offsets
      const data = dtype === 'F64' ? new Float64Array(buffer) : new Int32Array(buffer)
      tensors[key.slice(name.length + 1)] = { shape, data }
    }
    return { name, settings, tensors }
  })
}

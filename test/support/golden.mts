/** Reads the golden files that test/golden/make.py wrote. */
import { readSafetensors } from '#dist/io/safetensors.js'
import type { Host } from './host.mjs'

export interface GoldenCase<Settings> {
  name: string
  settings: Settings
  tensors: Record<string, Host>
}

export async function golden<Settings>(file: string): Promise<GoldenCase<Settings>[]> {
  const { tensors, metadata } = await readSafetensors(`test/golden/${file}.safetensors`)
  const settings = JSON.parse(metadata.get('cases') ?? '{}') as Record<string, Settings>
  const cases = new Map<string, GoldenCase<Settings>>()
  for (const [name, given] of Object.entries(settings))
    cases.set(name, { name, settings: given, tensors: {} })
  for (const [key, { shape, data }] of tensors) {
    const [name = '', tensor = ''] = key.split('/')
    const found = cases.get(name)
    if (!found || data instanceof Float32Array) throw new Error(`unexpected ${key} in ${file}`)
    found.tensors[tensor] = { shape, data }
  }
  return [...cases.values()]
}

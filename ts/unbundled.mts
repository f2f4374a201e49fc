/**
 * Throws in a bundle. ts/native/load.ts does so, too, but in a bundle that is an ES module nothing gets that far: the first
 * `require` fails, and says nothing of the cause.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundled } from './bundle.js'

// Bundles that are not ES modules have no URL.
const { url } = import.meta as { url?: string }

function isInPlace(): boolean {
  if (url === undefined) return false
  try {
    const manifest = join(dirname(fileURLToPath(url)), '..', 'package.json')
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { name: string }).name === 'rnnative'
  } catch {
    return false
  }
}

if (!isInPlace()) {
  const { reason, fix } = bundled(url)
  throw Object.assign(new Error(`[load] ${reason}: ${fix}`), { code: 'ERR_UNSUPPORTED' })
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** This package's version. */
export function packageVersion(): string {
  const path = join(__dirname, '..', '..', 'package.json')
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}

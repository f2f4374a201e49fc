import { createHash } from 'node:crypto'

/** SHA-256 of what JSON can tell of a value. */
export const digestOfJson = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')

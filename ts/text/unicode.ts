/**
 * Words are cut by the Unicode tables of the Node that runs. A tokenizer keeps the version that it was made with,
 * since by another some texts are other words.
 */
import type { SchemeName } from './scheme'

/** Of the running Node; null where it has no such tables. */
const RUNNING = process.versions.unicode ?? null

const cutsWords = (scheme: SchemeName): boolean => scheme === 'word' || scheme === 'spaced word'

/** The version that a tokenizer made now is made with; null where none matters. */
export const unicodeOf = (scheme: SchemeName): string | null => (cutsWords(scheme) ? RUNNING : null)

/** Pairs of versions that have been told of. */
const told = new Set<string>()

/** Warns, once for a version, where words were cut by another than the running one. */
export function heedUnicode(version: string | null, source: string): void {
  if (version === null || RUNNING === null || version === RUNNING || told.has(version)) return
  told.add(version)
  process.emitWarning(
    `[tokenizer] ${source}: made with Unicode ${version}, this Node has ${RUNNING}: ` +
      'some texts may be cut into other words than those that were learned',
    { code: 'RNNATIVE_UNICODE' },
  )
}

/** JSON has no NaN and no infinities. In a state.json they are these strings, which nothing else in it is. */
const NAMES: ReadonlySet<unknown> = new Set(['NaN', 'Infinity', '-Infinity'])

export const toJson = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, entry: unknown) =>
      typeof entry === 'number' && !Number.isFinite(entry) ? String(entry) : entry,
    ),
  )

export const fromJson = (json: unknown): unknown =>
  JSON.parse(JSON.stringify(json), (_, entry: unknown) =>
    NAMES.has(entry) ? Number(entry) : entry,
  )

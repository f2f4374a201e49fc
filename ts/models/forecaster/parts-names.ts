/** Parts of time, in plain text: help must not load the addon. */
export const PARTS = ['test', 'validation', 'all'] as const
export type Part = (typeof PARTS)[number]

/** Draws Vega-Lite specifications, by optional packages: only who draws has them. */
import { notInstalled } from '../packages'
import { drawInThread } from './drawing'

/** Throws `ERR_ARGUMENT` where they are not installed; to be called before work whose end is a drawing. */
export async function loadDrawing(): Promise<void> {
  await draw(null)
}

async function draw(specification: object | null): Promise<string> {
  const { svg, missing } = await drawInThread(specification)
  if (missing === undefined) return svg
  throw notInstalled('[report] charts need', 'vega@6 vega-lite@6.4', missing)
}

/** Fonts that together know most scripts, where they are installed. */
const FONT = 'system-ui, "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif'

/** An SVG element of a Vega-Lite specification, on white. Throws as {@link loadDrawing} does. */
export const drawSvg = (specification: object): Promise<string> =>
  draw({
    background: 'white',
    config: { font: FONT, view: { stroke: null } },
    ...specification,
  })

// What XML cannot hold, nobody would see, or would turn the text around: controls, lone surrogates,
// non-characters and overrides of direction.
const UNSEEN = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u202a-\u202e\u2066-\u2069]/gu

/** A token as a label: without the space around it, and with something to see in any case. */
export function labelOf(token: string): string {
  const text = token.trim().replaceAll(/\s+/gu, ' ').replace(UNSEEN, '\ufffd')
  if (text !== '') return text
  return token.includes('\n') ? '⏎' : '␣'
}

/** Pixels that the widest label may exceed what Vega expects: 0.8 of the font size per character. */
export function overhang(labels: readonly string[], fontSize: number): number {
  const wide = (label: string) => label.match(/[\u1100-\uffff]/g)?.length ?? 0
  return Math.ceil(0.25 * fontSize * labels.reduce((most, label) => Math.max(most, wide(label)), 0))
}

/** Loads a summariser whose family its directory tells: a row for each. */
import { optionsOf } from '../check'
import type { Precision } from '../precision'
import { AbstractiveSummariser } from './abstractive/model'
import { abstractiveOptions } from './abstractive/options'
import { familyOf } from './family-of'
import { Summariser } from './summariser/model'
import { summariserOptions } from './summariser/options'

type Load = (
  directory: string,
  options: { precision?: Precision | undefined },
) => Promise<Summariser | AbstractiveSummariser>

const FAMILIES = new Map<unknown, Load>([
  [summariserOptions.type, (directory, options) => Summariser.load(directory, options)],
  [abstractiveOptions.type, (directory, options) => AbstractiveSummariser.load(directory, options)],
])

/**
 * Loads what a `Summariser` or an `AbstractiveSummariser` has saved. `ERR_IO`; `ERR_FORMAT` for another model.
 *
 *     await using summarizer = await loadSummarizer('runs/summaries')
 *     const [{ summary }] = await summarizer.summarize([article])
 */
export async function loadSummarizer(
  directory: string,
  options: { precision?: Precision | undefined } = {},
): Promise<Summariser | AbstractiveSummariser> {
  const given = optionsOf('load', options, { precision: true })
  const load = await familyOf(directory, FAMILIES)
  return load(directory, given)
}

import { checkStrings, optionsOf, type Names } from '../check'
import { expect, RnnativeError } from '../errors'
import { inStretches } from '../pauses'
import { projecting } from './pca'
import { drawSvg, labelOf, overhang } from './vega'

/** Vectors of sentences, such as an encoder's last states. */
export interface SentenceMap {
  /** A vector for each sentence. */
  vectors: readonly ArrayLike<number>[]
  /** The sentences. */
  labels: readonly string[]
  /** What the sentences are coloured by. Default: all alike. */
  groups?: readonly string[] | undefined
}

const NAMES: Names<SentenceMap> = { vectors: true, labels: true, groups: true }
const FONT_SIZE = 11
const SIZE = { width: 640, height: 480 }
/** More than can be told apart, and a few seconds' work. */
const MOST_SENTENCES = 5000

/**
 * Sentences as points, by the first two principal components of their vectors (Sutskever et al. 2014,
 * figure 2), as an SVG element. At most 5000: a chart has no room for more. Throws as `pca` does, and
 * `ERR_SHAPE` when labels or groups are not as many as vectors.
 */
export async function drawSentences(map: SentenceMap): Promise<string> {
  const { vectors, labels, groups } = optionsOf('sentences', map, NAMES)
  expect('sentences', 'vectors', Array.isArray(vectors), 'a list of vectors', vectors)
  const few = vectors.length <= MOST_SENTENCES
  expect('sentences', 'vectors', few, `at most ${MOST_SENTENCES}`, vectors.length)
  checkStrings('sentences', 'labels', labels)
  if (groups !== undefined) checkStrings('sentences', 'groups', groups)
  for (const [name, given] of Object.entries({ labels, groups }))
    if (given !== undefined && given.length !== vectors.length)
      throw new RnnativeError(
        'ERR_SHAPE',
        `[sentences] ${name}: expected ${vectors.length}, got ${given.length}`,
      )
  const { coordinates, explained } = await inStretches(projecting(vectors, 2))
  const middle = (axis: number) => {
    const all = coordinates.map((point) => point[axis] as number)
    const least = all.reduce((a, b) => Math.min(a, b), Infinity)
    return (least + all.reduce((a, b) => Math.max(a, b), -Infinity)) / 2
  }
  const centre = middle(0)
  const values = coordinates.map(([x = 0, y = 0], i) => ({
    ...{ x, y, label: labelOf(labels[i] as string), left: x <= centre },
    group: groups === undefined ? '' : labelOf(groups[i] as string),
  }))
  const share = (i: number) => `${(100 * (explained[i] as number)).toFixed(0)} %`
  const axis = (field: 'x' | 'y', i: number) => ({
    field,
    type: 'quantitative',
    title: `component ${i + 1} (${share(i)} of the variance)`,
    scale: { zero: false, nice: true },
    axis: { grid: false },
  })
  const color =
    groups === undefined
      ? { value: '#08519c' }
      : { field: 'group', type: 'nominal', title: null, legend: { orient: 'top' } }
  // Labels run towards the middle, so that none leaves the chart.
  const text = (left: boolean) => ({
    transform: [{ filter: `datum.left === ${left}` }],
    mark: {
      ...{ type: 'text', fontSize: FONT_SIZE, limit: SIZE.width },
      ...{ align: left ? 'left' : 'right', dx: left ? 7 : -7, baseline: 'middle' },
    },
    encoding: { text: { field: 'label' } },
  })
  return drawSvg({
    ...SIZE,
    padding: 5 + overhang([...(groups ?? [])], FONT_SIZE),
    data: { values },
    encoding: { x: axis('x', 0), y: axis('y', 1), color },
    layer: [{ mark: { type: 'point', filled: true, size: 40 } }, text(true), text(false)],
  })
}

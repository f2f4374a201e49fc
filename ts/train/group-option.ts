/** The option of any `fit` that gives parameters settings of their own. */
import { isObject } from '../check'
import { expect } from '../errors'
import { readNamed } from '../named'
import { checkGroups } from '../optim/group-options'
import type { GroupOptions } from '../optim/types'
import { custom } from '../schema'

/** As a command line has it: `embedding:frozen;weight_hh_l0[f]:lr=1e-4,weightDecay=0`. */
function read(text: string): unknown {
  return text.split(';').map((word) => {
    const { name, options } = readNamed(word.trim())
    const { '': bare, ...settings } = options
    expect(
      'fit',
      'groups',
      bare === undefined || bare === 'frozen',
      'lr=, weightDecay= or frozen',
      bare,
    )
    return { match: name, ...settings, ...(bare && { frozen: true }) }
  })
}

function areGroups(value: unknown): boolean {
  if (!Array.isArray(value) || !value.every(isObject)) return false
  checkGroups('fit', value as unknown as GroupOptions[])
  return true
}

/**
 * The first group that matches a parameter, or a gate of one, takes it: `{ match: 'weight_hh_l0[f]', lr: 1e-4 }`,
 * `{ match: /bias/, weightDecay: 0 }`, `{ match: 'embedding', frozen: true }`.
 */
export const groups = custom<readonly GroupOptions[]>()(
  {
    expected: 'a list of groups',
    valid: areGroups,
    argument: '<groups>',
    read,
  },
  {
    about:
      'own learning rate, decay or none at all for parameters by a part of their names, or gates: ' +
      'weight_hh_l0[f]:lr=1e-4;bias:weightDecay=0;embedding:frozen',
    defaultText: 'none',
  },
)

/** In words, for what a resumed run may do otherwise. */
export const groupsInWords = (groups: readonly GroupOptions[] | undefined) =>
  groups?.map(({ match, ...settings }) => ({ match: String(match), ...settings }))

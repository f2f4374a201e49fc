import { checkFlag, checkPositive, isListOf, isObject, optionsOf, type Names } from '../check'
import { expect } from '../errors'
import { isPattern, PATTERN_FORMS } from '../patterns'
import type { GroupOptions } from './types'

const GROUP_NAMES: Names<GroupOptions> = {
  ...{ match: true, lr: true, weightDecay: true, frozen: true },
}

/** Throws `ERR_ARGUMENT` for what is no list of groups. */
export function checkGroups(op: string, groups: readonly GroupOptions[]): void {
  expect(op, 'groups', isListOf(groups, isObject), 'a list of groups', groups)
  for (const [i, group] of groups.entries()) {
    const { match, lr, weightDecay, frozen = false } = optionsOf(op, group, GROUP_NAMES)
    expect(op, `groups[${i}].match`, isPattern(match), PATTERN_FORMS, match)
    checkFlag(op, `groups[${i}].frozen`, frozen)
    for (const [name, value] of Object.entries({ lr, weightDecay })) {
      if (value === undefined) continue
      expect(op, `groups[${i}].${name}`, !frozen, 'none of what is frozen', value)
      checkPositive(op, `groups[${i}].${name}`, value)
    }
  }
}

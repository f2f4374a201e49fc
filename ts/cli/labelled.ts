/** Labelled texts of tables, as commands read them. */
import type { Labelled } from '../data/labelled'
import { custom, flag, text } from '../schema'
import type { Column } from '../data/table'
import type { Made } from '../schema'
import { atLeastOne, neededFile } from './arguments'

/** A number is a column's place, from 1. */
const columnOf = (word: string): Column => (/^[1-9]\d*$/.test(word) ? Number(word) : word)

export const labelledFlags = {
  data: neededFile('table of texts and labels: CSV, TSV or JSON Lines, gzip allowed'),
  textColumn: custom<readonly Column[]>()(
    {
      expected: 'names or numbers of columns',
      valid: (value) => Array.isArray(value) && value.length > 0 && !value.includes(''),
      argument: '<column>',
      read: (words) => words.split(',').map(columnOf),
    },
    {
      about: 'column of the text, by name or number; several, by commas, are its fields',
      defaultText: 'text',
    },
  ),
  labelColumn: custom<Column>()(
    {
      expected: 'the name or number of a column',
      valid: (value) => value !== '',
      argument: '<column>',
      read: columnOf,
    },
    { about: 'column of the label, by name or number', defaultText: 'label' },
  ),
  labelSeparator: text({ about: 'what parts several labels of a text', argument: '<text>' }),
  header: flag({ about: 'take the first row for names of columns', default: true }),
}

export type LabelledFlags = Made<typeof labelledFlags>

/** The examples of a file. */
export async function readLabelledInput(
  path: string,
  { textColumn, labelColumn, labelSeparator, header }: Omit<LabelledFlags, 'data'>,
): Promise<Labelled[]> {
  const { readLabelled } = await import('../data/labelled.js')
  const [only, ...others] = textColumn ?? []
  const columns = others.length > 0 ? textColumn : only
  const examples = await readLabelled(path, {
    ...{ text: columns, label: labelColumn, labelSeparator, header },
  })
  return atLeastOne(path, examples)
}

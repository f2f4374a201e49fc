/**
 * Tables of embeddings of which a step updates the rows alone that ids named: nothing that a step does takes longer
 * for a larger vocabulary.
 */
import { expect } from '../errors'
import { Module } from '../nn'
import { touchedRows, type TouchedRows } from '../ops/rows'
import type { Parameter, Tensor } from '../tensor'
import type { OptimizerKind, OptimizerTarget } from './types'

/** The tables of a module, its embeddings', which may be learned by rows. `ERR_ARGUMENT` where one is anything else, too. */
export function tablesOf(kind: OptimizerKind, target: OptimizerTarget): Set<Parameter> {
  const modules = target instanceof Module ? [...target.namedModules()] : []
  const tables = new Set<Parameter>()
  for (const [, module] of modules) for (const table of module.rowTables) tables.add(table)
  expect(kind, 'lazy', tables.size > 0, 'a module that has embeddings', target)
  for (const [path, module] of modules) {
    const own = module.rowTables
    for (const [name, parameter] of module.ownParameters()) {
      const full = [path, name].filter(Boolean).join('.')
      const expected = `embeddings that are not tied to other weights (${full} is one)`
      expect(kind, 'lazy', !tables.has(parameter) || own.includes(parameter), expected, true)
    }
  }
  return tables
}

/** The gradients of such tables, until a step uses them up. */
export class LazyTables<Table extends { readonly parameter: Parameter }> {
  private readonly made = new Map<Table, TouchedRows>()

  constructor(readonly slices: readonly Table[]) {}

  /** Adds up what embeddings have left since the last time, of tables that are not frozen. */
  settle(live: readonly Table[]): void {
    for (const slice of this.slices) {
      const { parameter } = slice
      if (!live.includes(slice)) {
        parameter.rows?.drop()
        continue
      }
      const uses = parameter.rows?.take() ?? []
      const before = this.made.get(slice)
      if (before && uses.length === 0) continue
      if (before) uses.unshift({ ids: before.rows.handle, none: -1, dy: before.gradient.handle })
      this.made.set(slice, touchedRows(uses, parameter))
    }
  }

  of(slice: Table): TouchedRows | null {
    return this.made.get(slice) ?? null
  }

  /** All of them, as far as they are settled. */
  get gradients(): Tensor[] {
    return Array.from(this.made.values(), ({ gradient }) => gradient)
  }

  /** Forgets them. */
  drop(): void {
    for (const { rows, gradient } of this.made.values())
      for (const used of [rows, gradient]) used.dispose()
    this.made.clear()
    for (const { parameter } of this.slices) parameter.rows?.drop()
  }
}

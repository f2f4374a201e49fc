/** How the parameters of a module start. */
import { expect } from '../errors'
import { INIT_FORMS, readInitSpec, type InitSpec } from '../init-spec'
import type { Tensor } from '../tensor'
import { normal, orthogonal, uniform, xavierUniform, zeros, type InitStream } from './init'

/** The kind and its number. `ERR_ARGUMENT`. */
function resolve(op: string, spec: InitSpec) {
  const found = readInitSpec(spec)
  expect(op, 'init', found !== null, INIT_FORMS, spec)
  return found as NonNullable<typeof found>
}

/** Throws `ERR_ARGUMENT` unless it is an {@link InitSpec} or none. */
export function checkInit(op: string, spec: InitSpec | null | undefined): void {
  if (spec !== undefined && spec !== null) resolve(op, spec)
}

/** Streams for the parameters of one module, and how they start. */
export class InitSource {
  constructor(
    private readonly seed: number,
    private readonly path: string,
    private readonly spec: InitSpec | null = null,
  ) {}

  /** The stream of a parameter, by its name within the module. */
  of(parameter: string): InitStream {
    return { seed: this.seed, name: this.path === '' ? parameter : `${this.path}.${parameter}` }
  }

  /**
   * Fills a parameter of the module's own as it was asked for, or else in the `usual` way. `blocks`:
   * see `orthogonal`.
   */
  fill(name: string, x: Tensor, usual: InitSpec, blocks = 1): void {
    const [kind, scale] = resolve('init', this.spec ?? usual)
    const stream = this.of(name)
    if (kind === 'uniform') return uniform(x, -scale, scale, stream)
    if (kind === 'normal') return normal(x, 0, scale, stream)
    if (name.startsWith('bias')) return zeros(x)
    // A vector of weights is a row.
    const matrix = x.detach()
    const rows = x.dims === 1 ? matrix.reshape(1, x.size) : matrix
    if (kind === 'xavier') xavierUniform(rows, stream, scale)
    else orthogonal(rows, stream, { gain: scale, blocks: x.dims === 1 ? 1 : blocks })
    for (const view of new Set([matrix, rows])) view.dispose()
  }
}

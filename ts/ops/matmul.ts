import { checkFlag, optionsOf, type Names } from '../check'
import { record, tracks, type BackwardCall } from '../tensor/autograd'
import { native, type DType, type NativeTensor } from '../native/index'
import { checkInference, checkLinear, type LinearPrecision, type Precision } from '../precision'
import { checkShape, formatShape, sameShape, shapeError, sizeOf, type Shape } from '../tensor/shape'
import type { Tensor } from '../tensor/tensor'
import { permute } from './shape'
import { checkDevice, checkReal, result } from './support'

declare module '../native/index' {
  interface NativeAddon {
    /** a: [..., M, K], b: [..., K, N] (after transposition), equal leading axes or b 2-D. */
    matmul(a: N, b: N, transA: boolean, transB: boolean): N
    matmulInto(a: N, b: N, transA: boolean, transB: boolean, y: N, add: boolean): void
    /** x: [..., I], weight: [O, I], bias: [O] or null -> [..., O]. */
    linear(x: N, weight: N, bias: Maybe, precision?: LinearPrecision): N
    /** sinks: [dx, dweight, dbias]. */
    linearBackward(x: N, weight: N, dy: N, sinks: Sinks, add: number, precision?: Precision): void
  }
}

/** Options of {@link matmul}. */
export interface MatmulOptions {
  /** Multiplies with the transpose (of the last two axes) of a. */
  transposeA?: boolean | undefined
  /** b's last two axes are swapped. */
  transposeB?: boolean | undefined
}

const MATMUL_NAMES: Names<MatmulOptions> = { transposeA: true, transposeB: true }

/**
 * Matrix product over the last two axes: a [..., M, K], b [..., K, N] with the same leading axes, or
 * b [K, N] for all of them.
 */
export function matmul<D extends DType>(
  a: Tensor<D>,
  b: Tensor<D>,
  options: MatmulOptions = {},
): Tensor<D> {
  const { transposeA = false, transposeB = false } = optionsOf('matmul', options, MATMUL_NAMES)
  if (typeof transposeA !== 'boolean') checkFlag('matmul', 'transposeA', transposeA)
  if (typeof transposeB !== 'boolean') checkFlag('matmul', 'transposeB', transposeB)
  checkReal('matmul', 'a', a)
  checkReal('matmul', 'b', b)
  checkDevice('matmul', a, { b })
  if (a.dims < 2) throw shapeError('matmul', 'a', 'two axes or more', formatShape(a.shape))
  if (transposeA && a.dims > 2 && b.dims === 2) {
    const last = a.dims - 1
    const turned = permute(a, [...Array(last - 1).keys(), last, last - 1])
    const y = matmul(turned, b, { transposeB })
    turned.dispose()
    return y
  }
  const leading = a.shape.slice(0, -2)
  const [m, k] = matrix(a.shape, transposeA)
  const [bk, n] = b.dims < 2 ? [-1, -1] : matrix(b.shape, transposeB)
  if (bk !== k || (b.dims > 2 && !sameShape(leading, b.shape.slice(0, -2)))) {
    const expected = transposeB ? ['N', k] : [k, 'N']
    const shapes = leading.length === 0 ? [expected] : [expected, [...leading, ...expected]]
    throw shapeError('matmul', 'b', shapes.map(formatShape).join(' or '), formatShape(b.shape))
  }
  const handle = native.matmul(a.handle, b.handle, transposeA, transposeB)
  const y = result(handle, [...leading, m, n], a)
  if (tracks(a, b)) {
    // With b shared, all leading axes of a are more rows of one matrix.
    const fold = b.dims === 2 && a.dims > 2
    const rows = sizeOf(leading) * m
    const shapes: Folding | null = fold ? { a: [rows, k], dy: [rows, n] } : null
    record({
      op: 'matmul',
      inputs: [a, b],
      outputs: [y],
      save: [a, b],
      backward: (call) => matmulBackward(call, transposeA, transposeB, shapes),
    })
  }
  return y
}

interface Folding {
  a: Shape
  dy: Shape
}

const matrix = (shape: Shape, transposed: boolean): [number, number] => {
  const [rows, columns] = shape.slice(-2) as [number, number]
  return transposed ? [columns, rows] : [rows, columns]
}

/** With y = A B: dA = dy Bᵀ and dB = Aᵀ dy, each transposed once more where its operand was. */
function matmulBackward(
  call: BackwardCall,
  transposeA: boolean,
  transposeB: boolean,
  fold: Folding | null,
): void {
  const { sinks, add } = call.open()
  const views: NativeTensor[] = []
  const view = (x: NativeTensor, shape: Shape | undefined): NativeTensor => {
    if (shape === undefined) return x
    const made = native.view(x, 0, shape)
    views.push(made)
    return made
  }
  const a = view(call.saved(0), fold?.a)
  const b = call.saved(1)
  const dy = view(call.dy, fold?.dy)
  const [da, db] = sinks
  if (da) {
    const sink = view(da, fold?.a)
    if (transposeA) native.matmulInto(b, dy, transposeB, true, sink, add[0] === true)
    else native.matmulInto(dy, b, false, !transposeB, sink, add[0] === true)
  }
  if (db) {
    if (transposeB) native.matmulInto(dy, a, true, transposeA, db, add[1] === true)
    else native.matmulInto(a, dy, !transposeA, false, db, add[1] === true)
  }
  for (const made of views) native.dispose(made)
}

/** Options of {@link linear}. */
export interface LinearArguments {
  /** Of the product and of those of its gradients, which 'int8' does not have. Default 'f32'. */
  precision?: LinearPrecision | undefined
}

const LINEAR_NAMES: Names<LinearArguments> = { precision: true }

/** x Wᵀ + b. x: [..., in], weight: [out, in], bias: [out] or null. Returns [..., out]. */
export function linear<D extends DType>(
  x: Tensor<D>,
  weight: Tensor,
  bias: Tensor | null = null,
  options: LinearArguments = {},
): Tensor<D> {
  const { precision = 'f32' } = optionsOf('linear', options, LINEAR_NAMES)
  checkReal('linear', 'x', x)
  checkReal('linear', 'weight', weight)
  checkLinear('linear', precision)
  checkDevice('linear', x, { weight, bias })
  checkShape('linear', 'weight', weight.shape, ['out', x.shape.at(-1) ?? 'in'])
  if (x.dims === 0) throw shapeError('linear', 'x', '[..., in]', '[]')
  const out = weight.shape[0] as number
  const tracked = tracks(x, weight, bias)
  checkInference('linear', precision, tracked)
  if (bias) checkShape('linear', 'bias', bias.shape, [out])
  const handle = native.linear(x.handle, weight.handle, bias?.handle ?? null, precision)
  const y = result(handle, [...x.shape.slice(0, -1), out], x)
  if (tracked)
    record({
      op: 'linear',
      inputs: [x, weight, bias],
      outputs: [y],
      save: [x, weight],
      backward: (call) => {
        const { sinks, bits } = call.open()
        native.linearBackward(
          call.saved(0),
          call.saved(1),
          call.dy,
          sinks,
          bits,
          precision as Precision,
        )
      },
    })
  return y
}

/**
 * The pickle of a state dict, read by `pickleparser`, which runs nothing of Python's: a name in the file is resolved
 * here, to one of the few that make tensors and plain containers, or refused. What such a file never has (bytes, long
 * integers) is refused before it is read, since it would take time without end.
 */
import { RnnativeError } from '../../errors'
import { messageOf } from '../../kinds'
import type { Element } from '../dtypes'
import { loadPickle, type PickleReader } from '../optional'

/** Types of storages by the names of their classes. */
const STORAGES: Readonly<Record<string, Element>> = {
  FloatStorage: 'f32',
  DoubleStorage: 'f64',
  HalfStorage: 'f16',
  BFloat16Storage: 'bf16',
  IntStorage: 'i32',
  LongStorage: 'i64',
}

/** A class of storages, as far as a pickle tells. */
class StorageType {
  constructor(readonly element: Element) {}
}

export class Storage {
  constructor(
    readonly element: Element,
    readonly key: string,
    readonly size: number,
  ) {}
}

/** A tensor, which says where its numbers lie. Nothing of it is checked. */
export class Unpickled {
  constructor(
    readonly storage: unknown,
    readonly offset: unknown,
    readonly shape: unknown,
    readonly strides: unknown,
  ) {}
}

/** The names that a state dict may have. */
function resolveName(module: unknown, name: unknown, fail: (problem: string) => Error): unknown {
  switch (`${String(module)}.${String(name)}`) {
    case 'collections.OrderedDict':
      return (items: unknown = []) => new Map(items as [unknown, unknown][])
    case 'torch._utils._rebuild_tensor_v2':
      return (storage: unknown, offset: unknown, shape: unknown, strides: unknown) =>
        new Unpickled(storage, offset, shape, strides)
    case 'torch._utils._rebuild_parameter':
      return (tensor: unknown) => tensor
  }
  if (module === 'torch' && typeof name === 'string' && Object.hasOwn(STORAGES, name))
    return new StorageType(STORAGES[name] as Element)
  const what = `${String(module)}.${String(name)}`.slice(0, 120)
  throw fail(`holds a ${what}, expected tensors in plain containers: save model.state_dict()`)
}

function resolveStorage(pid: unknown, fail: (problem: string) => Error): Storage {
  const [kind, type, key, , size] = Array.isArray(pid) ? (pid as unknown[]) : []
  const valid =
    kind === 'storage' &&
    type instanceof StorageType &&
    typeof key === 'string' &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0
  if (!valid) throw fail('a storage is not told of as PyTorch does')
  return new Storage((type as StorageType).element, key as string, size as number)
}

/** Longest of what is no text: an integer of 48 bits. */
const MOST_INTEGER = 6

type Reader = new (bytes: Uint8Array) => PickleReader

function boundedReader(Base: Reader, fail: (problem: string) => Error): Reader {
  return class extends Base {
    private inText = false

    override bytes(length: number): Uint8Array {
      if (!this.inText && length > MOST_INTEGER) throw fail('holds bytes, expected tensors')
      if (!(length >= 0 && length <= this.length - this.position)) throw fail('is cut off')
      return super.bytes(length)
    }

    override string(size: number, encoding: string): string {
      this.inText = true
      const text = super.string(size, encoding)
      this.inText = false
      return text
    }

    override uint64(): number {
      const value = this.uint32() + 2 ** 32 * this.uint32()
      if (value > this.length) throw fail('is cut off')
      return value
    }
  }
}

/** What is pickled: maps, lists, tensors. `ERR_FORMAT`. */
export function unpickle(op: string, path: string, pickle: Uint8Array): unknown {
  const { BufferReader, Parser } = loadPickle(op)
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[${op}] ${path}: ${problem}`)
  const resolve = (module: unknown, name: unknown) => resolveName(module, name, fail)
  const parser = new Parser({
    nameResolver: { resolve },
    persistentResolver: { resolve: (pid: unknown) => resolveStorage(pid, fail) },
    unpicklingTypeOfDictionary: 'Map',
  })
  try {
    return parser.read(new (boundedReader(BufferReader, fail))(pickle))
  } catch (error) {
    if (error instanceof RnnativeError) throw error
    throw fail(`not a pickle of a state dict: ${messageOf(error)}`)
  }
}

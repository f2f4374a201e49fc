/**
 * Packages that only who converts has: loaded when they are used, and named where they are missing. Two of them are
 * told of here as far as they are used, so that the code compiles without them.
 */
import { needed, notInstalled } from '../packages'

/** Of `pickleparser`. */
export interface PickleReader {
  readonly length: number
  readonly position: number
  bytes(length: number): Uint8Array
  string(size: number, encoding: string): string
  uint32(): number
  uint64(): number
}

export interface Pickle {
  BufferReader: new (bytes: Uint8Array) => PickleReader
  Parser: new (options: {
    nameResolver: { resolve(module: unknown, name: unknown): unknown }
    persistentResolver: { resolve(id: unknown): unknown }
    unpicklingTypeOfDictionary: 'Map'
  }) => { read(reader: PickleReader): unknown }
}

/** Of `h5wasm`. */
export interface HDF5Attribute {
  readonly value: unknown
}

export interface HDF5Dataset {
  readonly metadata: { type: number; size: number; shape: number[] | null }
  readonly value: unknown
}

export interface HDF5Group {
  readonly attrs: Readonly<Record<string, HDF5Attribute | undefined>>
  keys(): string[]
  get(name: string): unknown
  create_group(name: string): HDF5Group
  create_attribute(name: string, value: string): void
  create_dataset(of: { name: string; data: Float32Array; shape: number[]; dtype: string }): unknown
}

export interface HDF5File extends HDF5Group {
  close(): void
}

export interface HDF5 {
  ready: Promise<{
    FS: {
      writeFile(path: string, bytes: Uint8Array): void
      readFile(path: string): Uint8Array
      analyzePath(path: string): { exists: boolean }
      unlink(path: string): void
    }
    /** Else errors are printed, too. */
    activate_throwing_error_handler(): void
  }>
  File: new (path: string, mode: 'r' | 'w') => HDF5File
  Group: new (...args: never[]) => HDF5Group
  Dataset: new (...args: never[]) => HDF5Dataset
}

/* eslint-disable @typescript-eslint/no-require-imports */
/** @internal */
export const loadZip = (op: string) =>
  needed(`[${op}] needs`, 'fflate', () => require('fflate') as typeof import('fflate'))

/** @internal */
export const loadPickle = (op: string): Pickle =>
  needed(`[${op}] needs`, 'pickleparser', () => require('pickleparser') as Pickle)

/** @internal */
export const loadProtobuf = (op: string) =>
  needed(
    `[${op}] needs`,
    'protobufjs',
    () => require('protobufjs/light') as typeof import('protobufjs/light'),
  )
/* eslint-enable @typescript-eslint/no-require-imports */

const HDF5_PACKAGE: string = 'h5wasm'

/** @internal */
export async function loadHDF5(op: string): Promise<HDF5> {
  try {
    return (await import(HDF5_PACKAGE)) as HDF5
  } catch (error) {
    throw notInstalled(`[${op}] needs`, HDF5_PACKAGE, error)
  }
}

/** From one format to another, by the names of files. */
import { stat } from 'node:fs/promises'
import { checkChoice, checkPath, optionsOf } from '../check'
import { expect, RnnativeError } from '../errors'
import { ioError } from '../io/files'
import { readSafetensors } from '../io/safetensors'
import { writeSafetensors } from '../io/write-safetensors'
import type { Model } from '../models/model'
import type { HostTensor, Module } from '../nn'
import { checkStored, type StoredPrecision } from '../precision'
import { readKeras } from './keras/read'
import { writeKeras, type KerasSource } from './keras/write'
import { loadSaved, tensorsOf } from './models'
import { readOnnx } from './onnx/read'
import { writeOnnx, type OnnxSource } from './onnx/write'
import { FORMATS, formatOf, SUFFIXES, type WrittenFormat } from './options'
import { readTorch } from './torch/read'
import { writeTorch } from './torch/write'

const OP = 'convert'

/** Options of {@link convert}. */
export interface ConvertOptions {
  /** What to write. Default: as the end of the path to be written tells; with no such end, of a saved model, `model`. */
  to?: WrittenFormat | undefined
  /** Of the weights in a model's directory or `safetensors`, or, but for 'int8', in `torch`. Default 'f32'. */
  precision?: StoredPrecision | undefined
}

/** What is to be written: a model, or weights alone. */
interface Source {
  tensors(): Promise<Map<string, HostTensor>>
  /** What computes; null: weights alone are known. */
  model: Model | null
  dispose(): Promise<void> | void
}

const weights = (tensors: Map<string, HostTensor>): Source => ({
  tensors: async () => tensors,
  model: null,
  dispose: () => undefined,
})

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw ioError('read', path, error)
  }
}

async function open(path: string): Promise<Source> {
  if (await isDirectory(path)) {
    const model = await loadSaved(path)
    return {
      tensors: () => tensorsOf(model.network),
      model,
      dispose: () => model.dispose(),
    }
  }
  const format = formatOf(path)
  switch (format) {
    case 'torch':
      return weights(await readTorch(path))
    case 'safetensors':
      return weights((await readSafetensors(path)).tensors)
    case 'keras':
      return weights(await readKeras(path))
    case 'onnx': {
      const network: Module = await readOnnx(path)
      return { tensors: () => tensorsOf(network), model: null, dispose: () => network.dispose() }
    }
  }
  const known = Object.values(SUFFIXES).flat().join(', ')
  throw new RnnativeError(
    'ERR_ARGUMENT',
    `[${OP}] ${path}: expected the directory of a saved model, or a file that ends with ${known}`,
  )
}

/**
 * Converts a model or weights: from the directory of a saved model, from PyTorch (`.pt`, `.pth`), safetensors, Keras
 * (`.keras`, `.h5`) or ONNX, to a file of one of these, or a saved model to another of narrower weights. ONNX and `.keras` say what is computed and are written of saved
 * models alone. Names and gate orders are those of the format. Gives the paths that were written. What a format cannot
 * express is refused by name (`ERR_UNSUPPORTED`).
 */
export async function convert(
  from: string,
  to: string,
  options: ConvertOptions = {},
): Promise<string[]> {
  checkPath(OP, 'from', from)
  checkPath(OP, 'to', to)
  const given = optionsOf(OP, options, { to: true, precision: true })
  const { precision = 'f32' } = given
  const usual = async () => formatOf(to) ?? ((await isDirectory(from)) ? 'model' : undefined)
  const format = given.to ?? (await usual())
  if (format === undefined)
    expect(OP, 'to', false, `one of ${FORMATS.join(', ')}, or a path that ends as they do`, to)
  checkChoice(OP, 'to', format, FORMATS)
  checkStored(OP, precision)
  const narrows = ['model', 'safetensors', ...(precision === 'bf16' ? ['torch'] : [])]
  if (precision !== 'f32' && !narrows.includes(format as string))
    throw new RnnativeError(
      'ERR_UNSUPPORTED',
      `[${OP}] precision: ${format} has no recurrent layers in ${precision}`,
    )
  const source = await open(from)
  try {
    switch (format as WrittenFormat) {
      case 'model':
        if (source.model === null)
          throw new RnnativeError(
            'ERR_UNSUPPORTED',
            `[${OP}] ${from}: weights alone do not say what is computed: a model is written of the directory of one`,
          )
        await source.model.save(to, { precision })
        return [to]
      case 'torch':
        await writeTorch(to, await source.tensors(), { precision: precision as 'f32' | 'bf16' })
        return [to]
      case 'safetensors':
        await writeSafetensors(to, await source.tensors(), { format: 'pt' }, { precision })
        return [to]
      case 'keras':
        await writeKeras(to, (source.model ?? (await source.tensors())) as KerasSource)
        return [to]
      case 'onnx':
        if (source.model === null)
          throw new RnnativeError(
            'ERR_UNSUPPORTED',
            `[${OP}] ${from}: weights alone do not say what is computed: ONNX is written of the directory of a saved model`,
          )
        return await writeOnnx(to, source.model as OnnxSource)
    }
  } finally {
    await source.dispose()
  }
}

/** What can be converted to what, in plain text, since help must not load the addon. */
import { STORED_PRECISIONS } from '../precision'
import { choice } from '../schema'

/** Formats of files, by the ends of their names. */
export const SUFFIXES = {
  torch: ['.pt', '.pth'],
  safetensors: ['.safetensors'],
  onnx: ['.onnx'],
  keras: ['.keras', '.h5', '.hdf5'],
} as const
export type FileFormat = keyof typeof SUFFIXES

const FILES = ['onnx', 'keras', 'torch', 'safetensors'] as const satisfies FileFormat[]

/** What can be written: a file, or the directory of a model. */
export const FORMATS = [...FILES, 'model'] as const
export type WrittenFormat = (typeof FORMATS)[number]

/** The format that a file's name tells. */
export const formatOf = (path: string): FileFormat | undefined =>
  FILES.find((format) => SUFFIXES[format].some((suffix) => path.endsWith(suffix)))

export const convertRows = {
  to: choice(FORMATS, {
    ...{ about: 'what to write', defaultText: 'as the end of OUT tells, else model of a model' },
  }),
  precision: choice(STORED_PRECISIONS, {
    about: 'of the weights in a model, in safetensors, or (no int8) in torch',
    default: 'f32',
  }),
}

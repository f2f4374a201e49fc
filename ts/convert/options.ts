/** What can be converted to what, in plain text, since help must not load the addon. */
import { choice } from '../schema'

/** Formats of files, by the ends of their names. */
export const SUFFIXES = {
  torch: ['.pt', '.pth'],
  safetensors: ['.safetensors'],
  onnx: ['.onnx'],
  keras: ['.keras', '.h5', '.hdf5'],
} as const
export type FileFormat = keyof typeof SUFFIXES

export const FORMATS = ['onnx', 'keras', 'torch', 'safetensors'] as const satisfies FileFormat[]

/** The format that a file's name tells. */
export const formatOf = (path: string): FileFormat | undefined =>
  FORMATS.find((format) => SUFFIXES[format].some((suffix) => path.endsWith(suffix)))

export const convertRows = {
  to: choice(FORMATS, { about: 'what to write', defaultText: 'as the end of OUT tells' }),
  precision: choice(['f32', 'bf16'], {
    about: 'of the weights in a file of torch or safetensors',
    default: 'f32',
  }),
}

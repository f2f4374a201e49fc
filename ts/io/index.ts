export { readSafetensors, writeSafetensors, type Safetensors } from './safetensors'
export { readVectors, type VectorOptions } from './vectors'
export type { Vectors } from './word-vectors'

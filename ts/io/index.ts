export { readSafetensors, writeSafetensors, type Safetensors } from './safetensors'
export { readVectors, type VectorOptions } from './vectors'
export type { Neighbour, NearestOptions, SimilarityScore, Vectors, WordPair } from './word-vectors'
export { writeVectors, type VectorFormat, type WriteVectorsOptions } from './write-vectors'

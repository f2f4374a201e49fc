/** Positions beside the tokens of a network. */
import { PositionEmbedding, type PositionKind } from '../../nn'
import type { DeviceOption } from '../../tensor/device'

/** Those that a model's options ask for, of vectors as large as tokens' are; null: none. */
export const makePositions = (
  options: { positions?: PositionKind | undefined; positionLimit: number; embedding: number },
  given: { deviation: number; device: DeviceOption },
): PositionEmbedding | null =>
  options.positions === undefined
    ? null
    : new PositionEmbedding(options.positionLimit, options.embedding, {
        ...{ ...given, kind: options.positions },
      })

/**
 * Valid arguments for every function of the addon, drawn at random: small shapes, empty ones
 * included, both devices. The boundary test mutates them.
 */
import type { Calls } from '../maker.mjs'
import { processCalls } from './process.mjs'
import { programsCalls } from './programs.mjs'
import { tensorsCalls } from './tensors.mjs'
import { elementwiseCalls } from './elementwise.mjs'
import { reduceCalls } from './reduce.mjs'
import { shapeCalls } from './shape.mjs'
import { selectCalls } from './select.mjs'
import { matmulCalls } from './matmul.mjs'
import { layersCalls } from './layers.mjs'
import { crossEntropyCalls } from './cross-entropy.mjs'
import { crfCalls } from './crf.mjs'
import { recurrentCalls } from './recurrent.mjs'
import { attentionCalls } from './attention.mjs'
import { decoderCalls } from './decoder.mjs'
import { embedTrainCalls } from './embed-train.mjs'
import { pointerCalls } from './pointer.mjs'
import { searchCalls } from './search.mjs'
import { optimizerCalls } from './optimizer.mjs'
import { collectiveCalls } from './collective.mjs'

export const calls: Calls = {
  ...processCalls,
  ...programsCalls,
  ...tensorsCalls,
  ...elementwiseCalls,
  ...reduceCalls,
  ...shapeCalls,
  ...selectCalls,
  ...matmulCalls,
  ...layersCalls,
  ...crossEntropyCalls,
  ...crfCalls,
  ...recurrentCalls,
  ...attentionCalls,
  ...decoderCalls,
  ...embedTrainCalls,
  ...pointerCalls,
  ...searchCalls,
  ...optimizerCalls,
  ...collectiveCalls,
}

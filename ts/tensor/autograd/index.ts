export { noGrad, record, tracks, type Recording } from './record'
export { runBackward } from './backward'
export { GradSlot, releaseNode } from './graph'
export { BackwardCall } from './call'

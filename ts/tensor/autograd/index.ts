export { noGrad, record, tracks, type Recording } from './record'
export { runBackward } from './backward'
export { GradSlot, releaseNode, type GradHolder, type Learned } from './graph'
export { BackwardCall } from './call'

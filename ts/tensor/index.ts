export { Tensor, type BackwardOptions } from './tensor'
export { Parameter } from './parameter'
export { full, ones, randn, tensor, uniform, zeros } from './create'
export type { DTypeOf, RandomTensorOptions, TensorOptions } from './create'
export { defaultDevice, chooseDevice, setDefaultDevice } from './device'
export type { DeviceChoice, DeviceOption } from './device'
export { noGrad } from './autograd'
export { scope } from './scope'
export { openGroup, type Group, type Sums } from './group'
export {
  info,
  memory,
  peakGflops,
  profile,
  setMemoryLimit,
  setThreads,
  synchronize,
} from './runtime'
export type { ArrayOf, DeviceName, DType, Real, TypedArray } from '../native/index'
export type { NativeInfo, NativeMemory, NativeProfileRow } from '../native/index'
export type { Precision } from '../precision'
export type { NestedNumbers, Shape } from './shape'

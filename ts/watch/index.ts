export { bar, type BarOptions, type Terminal } from './bar'
export { json } from './json'
export { lines, type LinesOptions } from './lines'
export { tensorboard, type TensorBoard } from './tensorboard'

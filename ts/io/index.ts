export { readSafetensors, writeSafetensors, type Safetensors } from './safetensors'

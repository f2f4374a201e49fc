import { RnnativeError, show } from '../errors'
import { isFloat32Array, isFloat64Array, isInt32Array } from '../kinds'
import { native, type DeviceName, type DType, type Real, type TypedArray } from '../native/index'

/** `auto` takes `cuda` where it works and `cpu` elsewhere. */
export type DeviceOption = DeviceName | 'auto'

/** A device, and why it was taken. */
export interface DeviceChoice {
  /** The device. */
  device: DeviceName
  /** Why this device was taken. */
  reason: string
}

/**
 * Turns a device option into a device. `cpu` and `reference` never probe for a GPU; `cuda` throws
 * `ERR_DEVICE` with the reason and the fix where it does not work.
 */
export function chooseDevice(option: DeviceOption): DeviceChoice {
  switch (option) {
    case 'cpu':
    case 'reference':
      return { device: option, reason: 'asked for' }
    case 'auto': {
      const probe = native.cudaProbe()
      return probe.available
        ? { device: 'cuda', reason: probe.devices[0] ?? 'a CUDA device is available' }
        : { device: 'cpu', reason: `cuda is not available: ${probe.reason}` }
    }
    case 'cuda': {
      const probe = native.cudaProbe()
      if (probe.available) return { device: 'cuda', reason: 'asked for' }
      throw new RnnativeError('ERR_DEVICE', `[device] cuda: ${probe.reason}. ${probe.fix}`, {
        details: { reason: probe.reason, fix: probe.fix },
      })
    }
    default:
      throw new RnnativeError(
        'ERR_DEVICE',
        `[device] expected 'auto', 'cpu', 'cuda' or 'reference', got ${typeof option === 'string' ? `'${String(option)}'` : show(option)}`,
      )
  }
}

let current: DeviceName = 'cpu'

/** Where tensors and modules are made when no device is given; `cpu` at first. */
export const defaultDevice = (): DeviceName => current

/**
 * Says where tensors and modules are made when no device is given. `ERR_DEVICE` as {@link chooseDevice}.
 */
export function setDefaultDevice(option: DeviceOption): DeviceChoice {
  const choice = chooseDevice(option)
  current = choice.device
  return choice
}

export const resolveDevice = (option: DeviceOption | undefined): DeviceName =>
  option === undefined ? current : chooseDevice(option).device

/** The dtype of real numbers on a device: `f64` on `reference`, `f32` elsewhere. */
export const realType = (device: DeviceName): Real => (device === 'reference' ? 'f64' : 'f32')

/** Throws `ERR_DTYPE` for a dtype that the device does not have. */
export function resolveDType(device: DeviceName, dtype: DType | undefined): DType {
  const real = realType(device)
  if (dtype === undefined || dtype === real) return real
  if (dtype === 'i32') return dtype
  throw new RnnativeError(
    'ERR_DTYPE',
    `[tensor] dtype: expected '${real}' or 'i32' on ${device}, got ${typeof dtype === 'string' ? `'${String(dtype)}'` : show(dtype)}`,
  )
}

/**
 * The same numbers as the typed array of `dtype`; the argument itself when it is one already. A list must hold
 * numbers (`ERR_ARGUMENT`), and whole ones of 32 bits for i32 (`ERR_DTYPE`).
 */
export function toTypedArray(
  op: string,
  name: string,
  dtype: DType,
  data: TypedArray | readonly number[],
): TypedArray {
  if (dtype === 'i32') {
    if (isInt32Array(data)) return data
    for (let i = 0; i < data.length; ++i)
      if (typeof data[i] !== 'number' || data[i] !== ((data[i] as number) | 0)) {
        const got = `${show(data[i])} at [${i}]`
        throw new RnnativeError(
          'ERR_DTYPE',
          `[${op}] ${name}: expected 32-bit integers, got ${got}`,
        )
      }
    return Int32Array.from(data)
  }
  if (dtype === 'f32' ? isFloat32Array(data) : isFloat64Array(data)) return data as TypedArray
  const values = dtype === 'f32' ? new Float32Array(data.length) : new Float64Array(data.length)
  for (let i = 0; i < data.length; ++i) {
    const value: unknown = data[i]
    if (typeof value !== 'number')
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[${op}] ${name}: expected numbers, got ${show(value)} at [${i}]`,
      )
    values[i] = value
  }
  return values
}

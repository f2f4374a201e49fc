/** Reads event files back, by the protocol as TensorBoard writes it down and not by what wrote them. */
import { crc32c } from '@node-rs/crc32'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'

// Of tensorboard/compat/proto/{event,summary,tensor,tensor_shape}.proto, the parts that matter here.
const { root } = protobuf.parse(
  `syntax = "proto3";
  message Event {
    double wall_time = 1; int64 step = 2;
    oneof what { string file_version = 3; bytes graph_def = 4; Summary summary = 5; SessionLog session_log = 7; }
  }
  message SessionLog {
    enum SessionStatus { STATUS_UNSPECIFIED = 0; START = 1; STOP = 2; CHECKPOINT = 3; }
    SessionStatus status = 1; string checkpoint_path = 2; string msg = 3;
  }
  message SummaryMetadata {
    message PluginData { string plugin_name = 1; bytes content = 2; }
    PluginData plugin_data = 1; string display_name = 2; string summary_description = 3; DataClass data_class = 4;
  }
  enum DataClass { DATA_CLASS_UNKNOWN = 0; DATA_CLASS_SCALAR = 1; DATA_CLASS_TENSOR = 2; }
  message Summary {
    message Value {
      string node_name = 7; string tag = 1; SummaryMetadata metadata = 9;
      oneof value { float simple_value = 2; TensorProto tensor = 8; }
    }
    repeated Value value = 1;
  }
  message TensorShapeProto { message Dim { int64 size = 1; string name = 2; } repeated Dim dim = 2; }
  enum DataType { DT_INVALID = 0; DT_FLOAT = 1; DT_STRING = 7; }
  message TensorProto { DataType dtype = 1; TensorShapeProto tensor_shape = 2; repeated bytes string_val = 8; }`,
  { keepCase: true },
)
const Event = root.lookupType('Event')

export interface Value {
  tag: string
  simple_value?: number
  metadata?: { plugin_data: { plugin_name: string }; data_class: string }
  tensor?: { dtype: string; tensor_shape: { dim: { size: number }[] }; string_val: Buffer[] }
}

export interface Event {
  wall_time: number
  step: number
  file_version?: string
  session_log?: { status: string }
  summary?: { value: Value[] }
}

/** The checksum of a record in a TFRecord, from its definition. */
const masked = (data: Uint8Array): number => {
  const crc = BigInt(crc32c(data))
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn)
}

/** Throws where a length, a checksum or a message is not right. */
export function readEvents(path: string): Event[] {
  const bytes = readFileSync(path)
  const events: Event[] = []
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at))
    const data = bytes.subarray(at + 12, at + 12 + length)
    if (data.length !== length) throw new Error(`a record is cut short at ${at}`)
    if (bytes.readUInt32LE(at + 8) !== masked(bytes.subarray(at, at + 8)))
      throw new Error(`a wrong checksum of a length at ${at}`)
    if (bytes.readUInt32LE(at + 12 + length) !== masked(data))
      throw new Error(`a wrong checksum of data at ${at}`)
    const message = Event.decode(data)
    // Every step is written, 0 too, which is left out of the bytes.
    const options = { longs: Number, enums: String }
    events.push({ step: 0, ...Event.toObject(message, options) } as Event)
    at += 16 + length
  }
  return events
}

/** The files of a directory in the order in which TensorBoard reads them. */
export const eventFiles = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.includes('tfevents'))
    .sort()
    .map((name) => join(directory, name))

/** `[step, value]` by tag, of scalars. */
export function scalars(events: readonly Event[]): Record<string, [number, number][]> {
  const found: Record<string, [number, number][]> = {}
  for (const { step, summary } of events)
    for (const { tag, simple_value: value } of summary?.value ?? [])
      if (value !== undefined) (found[tag] ??= []).push([step, value])
  return found
}

/** `[step, text]` by tag. */
export function texts(events: readonly Event[]): Record<string, [number, string][]> {
  const found: Record<string, [number, string][]> = {}
  for (const { step, summary } of events)
    for (const { tag, tensor } of summary?.value ?? [])
      if (tensor !== undefined)
        (found[tag] ??= []).push([step, Buffer.concat(tensor.string_val).toString('utf8')])
  return found
}

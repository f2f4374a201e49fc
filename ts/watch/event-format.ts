/**
 * The format that TensorBoard reads: TFRecords (length and data, each followed by its masked CRC-32C) of the
 * messages of event.proto and summary.proto, of which these are the parts that scalars and texts need.
 */
import { needed } from '../packages'

const optional = (type: string, id: number) => ({ type, id })
const repeated = (type: string, id: number) => ({ type, id, rule: 'repeated' })

const MESSAGES = {
  Event: {
    fields: {
      wallTime: optional('double', 1),
      step: optional('int64', 2),
      fileVersion: optional('string', 3),
      summary: optional('Summary', 5),
      sessionLog: optional('SessionLog', 7),
    },
    // In a oneof a field is written even where it has its type's default value.
    oneofs: { what: { oneof: ['fileVersion', 'summary', 'sessionLog'] } },
  },
  SessionLog: { fields: { status: optional('int32', 1) } },
  Summary: { fields: { value: repeated('Value', 1) } },
  Value: {
    fields: {
      tag: optional('string', 1),
      simpleValue: optional('float', 2),
      tensor: optional('TensorProto', 8),
      metadata: optional('SummaryMetadata', 9),
    },
    oneofs: { value: { oneof: ['simpleValue', 'tensor'] } },
  },
  SummaryMetadata: {
    fields: { pluginData: optional('PluginData', 1), dataClass: optional('int32', 4) },
  },
  PluginData: { fields: { pluginName: optional('string', 1) } },
  TensorProto: {
    fields: {
      dtype: optional('int32', 1),
      tensorShape: optional('TensorShape', 2),
      stringVal: repeated('bytes', 8),
    },
  },
  TensorShape: { fields: { dim: repeated('Dim', 2) } },
  Dim: { fields: { size: optional('int64', 1) } },
}

/** `DT_STRING`, `DATA_CLASS_TENSOR` and `SessionLog.START` of the protocol. */
const STRING = 7
const TENSOR = 2
const START = 1

export type Value =
  { tag: string; simpleValue: number } | { tag: string; tensor: object; metadata: object }

export const scalarValue = (tag: string, simpleValue: number): Value => ({ tag, simpleValue })

/** A vector of one string, for TensorBoard's page of texts. */
export const textValue = (tag: string, text: string): Value => ({
  tag,
  tensor: {
    dtype: STRING,
    tensorShape: { dim: [{ size: 1 }] },
    stringVal: [Buffer.from(text, 'utf8')],
  },
  metadata: { pluginData: { pluginName: 'text' }, dataClass: TENSOR },
})

/** An event as it is read back. */
export interface ReadEvent {
  step: number
  /** What earlier files have of this step and later ones counts no more. */
  restart: boolean
  scalars: { tag: string; value: number }[]
  texts: { tag: string; text: string }[]
}

/** What an event says. */
export type EventBody =
  | { fileVersion: string }
  | { sessionLog: { status: number } }
  | { summary: { value: readonly Value[] } }

export const FILE_VERSION: EventBody = { fileVersion: 'brain.Event:2' }
/** From its step on this file counts: what an earlier one has of it and of later steps is dropped. */
export const SESSION_START: EventBody = { sessionLog: { status: START } }

export type EventEncoder = (step: number, body: EventBody) => Buffer

/** Makes records of events. Throws `ERR_ARGUMENT` where the packages that it takes are not installed. */
export function eventEncoder(): EventEncoder {
  const { protobuf, crc32c } = load()
  const Event = protobuf.Root.fromJSON({ nested: MESSAGES }).lookupType('Event')
  const masked = (data: Uint8Array) => {
    const crc = crc32c(data)
    return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
  }
  return (step, body) => {
    const data = Event.encode({ wallTime: Date.now() / 1000, step, ...body }).finish()
    const record = Buffer.alloc(8 + 4 + data.length + 4)
    record.writeBigUInt64LE(BigInt(data.length), 0)
    record.writeUInt32LE(masked(record.subarray(0, 8)), 8)
    record.set(data, 12)
    record.writeUInt32LE(masked(data), 12 + data.length)
    return record
  }
}

interface Decoded {
  step?: number
  sessionLog?: { status?: number }
  summary?: {
    value?: { tag?: string; simpleValue?: number; tensor?: { stringVal?: Uint8Array[] } }[]
  }
}

/** Reads what {@link eventEncoder} writes. Throws as it does. */
export function eventDecoder(): (data: Uint8Array) => ReadEvent {
  const { protobuf } = load()
  const Event = protobuf.Root.fromJSON({ nested: MESSAGES }).lookupType('Event')
  return (data) => {
    const {
      step = 0,
      sessionLog,
      summary,
    } = Event.toObject(Event.decode(data), {
      longs: Number,
    }) as Decoded
    const found: ReadEvent = { step, restart: sessionLog?.status === START, scalars: [], texts: [] }
    for (const { tag = '', simpleValue: value, tensor } of summary?.value ?? []) {
      if (value !== undefined) found.scalars.push({ tag, value })
      const [text] = tensor?.stringVal ?? []
      if (text !== undefined) found.texts.push({ tag, text: Buffer.from(text).toString('utf8') })
    }
    return found
  }
}

/** Optional packages: only who watches by TensorBoard has them. */
function load() {
  /* eslint-disable @typescript-eslint/no-require-imports */
  return needed('[tensorboard] needs', 'protobufjs @node-rs/crc32', () => ({
    protobuf: require('protobufjs/light') as typeof import('protobufjs/light'),
    crc32c: (require('@node-rs/crc32') as typeof import('@node-rs/crc32')).crc32c,
  }))
  /* eslint-enable @typescript-eslint/no-require-imports */
}

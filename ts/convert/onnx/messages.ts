/**
 * The messages of onnx.proto that models of recurrent networks are made of (field numbers of ONNX's own file, which is
 * part of its standard and only grows). Fields that are not here are let pass.
 */
import type { Type } from 'protobufjs/light'
import { loadProtobuf } from '../optional'

const one = (type: string, id: number) => ({ type, id })
const many = (type: string, id: number) => ({ type, id, rule: 'repeated' })

const MESSAGES = {
  ModelProto: {
    fields: {
      irVersion: one('int64', 1),
      producerName: one('string', 2),
      graph: one('GraphProto', 7),
      opsetImport: many('OperatorSetIdProto', 8),
      metadataProps: many('StringStringEntryProto', 14),
      functions: many('bytes', 25),
    },
  },
  OperatorSetIdProto: { fields: { domain: one('string', 1), version: one('int64', 2) } },
  StringStringEntryProto: { fields: { key: one('string', 1), value: one('string', 2) } },
  GraphProto: {
    fields: {
      node: many('NodeProto', 1),
      name: one('string', 2),
      initializer: many('TensorProto', 5),
      input: many('ValueInfoProto', 11),
      output: many('ValueInfoProto', 12),
      sparseInitializer: many('bytes', 15),
    },
  },
  NodeProto: {
    fields: {
      input: many('string', 1),
      output: many('string', 2),
      name: one('string', 3),
      opType: one('string', 4),
      attribute: many('AttributeProto', 5),
      domain: one('string', 7),
    },
  },
  AttributeProto: {
    fields: {
      name: one('string', 1),
      f: one('float', 2),
      i: one('int64', 3),
      s: one('bytes', 4),
      t: one('TensorProto', 5),
      floats: many('float', 7),
      ints: many('int64', 8),
      strings: many('bytes', 9),
      type: one('int32', 20),
    },
  },
  TensorProto: {
    fields: {
      dims: many('int64', 1),
      dataType: one('int32', 2),
      floatData: many('float', 4),
      int32Data: many('int32', 5),
      int64Data: many('int64', 7),
      name: one('string', 8),
      rawData: one('bytes', 9),
      doubleData: many('double', 10),
      externalData: many('StringStringEntryProto', 13),
      dataLocation: one('int32', 14),
    },
  },
  ValueInfoProto: { fields: { name: one('string', 1), type: one('TypeProto', 2) } },
  TypeProto: { fields: { tensorType: one('TensorType', 1) } },
  TensorType: { fields: { elemType: one('int32', 1), shape: one('TensorShapeProto', 2) } },
  TensorShapeProto: { fields: { dim: many('Dimension', 1) } },
  Dimension: {
    fields: { dimValue: one('int64', 1), dimParam: one('string', 2) },
    oneofs: { value: { oneof: ['dimValue', 'dimParam'] } },
  },
}

/** TensorProto.DataType. */
export const DATA_TYPES = {
  1: 'f32',
  6: 'i32',
  7: 'i64',
  10: 'f16',
  11: 'f64',
  16: 'bf16',
} as const
export const FLOAT = 1
export const INT32 = 6
export const INT64 = 7

/** AttributeProto.AttributeType. */
export const ATTRIBUTE = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 }

let model: Type | undefined

/** @internal */
export function modelType(op: string): Type {
  model ??= loadProtobuf(op).Root.fromJSON({ nested: MESSAGES }).lookupType('ModelProto')
  return model
}

/** What decoding gives: integers are numbers, or texts of what is beyond 2^53. */
export interface Attribute {
  name: string
  type: number
  f: number
  i: number
  s: Uint8Array
  t: TensorProto | null
  floats: number[]
  ints: number[]
  strings: Uint8Array[]
}

export interface TensorProto {
  name: string
  dims: number[]
  dataType: number
  rawData: Uint8Array
  floatData: number[]
  int32Data: number[]
  int64Data: number[]
  doubleData: number[]
  externalData: unknown[]
  dataLocation: number
}

export interface Node {
  name: string
  opType: string
  domain: string
  input: string[]
  output: string[]
  attribute: Attribute[]
}

export interface ValueInfo {
  name: string
  type: { tensorType: { elemType: number } | null } | null
}

export interface Graph {
  node: Node[]
  initializer: TensorProto[]
  input: ValueInfo[]
  output: ValueInfo[]
  sparseInitializer: unknown[]
}

import {
  pieceLimits,
  pieceTypes,
  type BpeDefinition,
  type BpePiece,
  type PieceType,
} from './bpe-definition.js'
import { ProtobufError, protobufFields } from './protobuf.js'
import { refuse } from './refuse.js'

/**
 * Reads a `tokenizer.model`, sentencepiece's ModelProto (sentencepiece_model.proto, cited by field number).
 * @throws {DataError} when it is malformed, or a kind of tokenizer that would be encoded otherwise than we do.
 */
export function parseSentencePieceModel(data: Uint8Array, file: string): BpeDefinition {
  try {
    return readModel(data, file)
  } catch (error) {
    if (error instanceof ProtobufError)
      refuse(file, `it is no sentencepiece model, or damaged (${error.message})`, error)
    throw error
  }
}

function readModel(data: Uint8Array, file: string): BpeDefinition {
  const pieces: BpePiece[] = []
  let trainer: TrainerSpec = readTrainerSpec(new Uint8Array())
  let normalizer: NormalizerSpec = readNormalizerSpec(new Uint8Array())
  for (const field of protobufFields(data)) {
    if (field.kind !== 'bytes') continue
    if (field.number === 1) {
      if (pieces.length === pieceLimits.pieces) refuse(file, `it has more than ${pieceLimits.pieces} pieces`)
      pieces.push(readPiece(field.value, pieces.length, file))
    }
    if (field.number === 2) trainer = readTrainerSpec(field.value)
    if (field.number === 3) normalizer = readNormalizerSpec(field.value)
    if (field.number === 5 && readNormalizerSpec(field.value).hasRules)
      refuse(file, 'it rewrites text when decoding')
  }
  if (pieces.length === 0) refuse(file, 'it has no pieces')
  if (trainer.modelType !== bpeModelType)
    refuse(file, `it is a ${modelTypeNames[trainer.modelType] ?? `type ${trainer.modelType}`} model, not BPE`)
  if (!trainer.byteFallback) refuse(file, 'it has no byte fallback')
  if (trainer.spaceAsSuffix) refuse(file, 'it puts spaces at the end of words')
  if (normalizer.hasRules) refuse(file, `it normalises text by rules (${normalizer.name || 'unnamed'})`)
  if (normalizer.removesExtraSpaces) refuse(file, 'it removes extra spaces')
  if (!normalizer.escapesSpaces) refuse(file, 'it does not write spaces as U+2581')

  const ids = new Map(pieces.map((piece, id) => [piece.text, id]))
  const special = (role: string, text: string, type: PieceType): number => {
    const id = ids.get(text)
    if (id === undefined || pieces[id]!.type !== type)
      return refuse(file, `its ${role} piece ${text} is missing`)
    return id
  }
  return {
    pieces,
    bosId: special('BOS', trainer.bosPiece, pieceTypes.control),
    eosId: special('EOS', trainer.eosPiece, pieceTypes.control),
    unkId: special('unknown', trainer.unkPiece, pieceTypes.unknown),
    dummyPrefix: normalizer.addsDummyPrefix,
  }
}

/** TrainerSpec.ModelType */
const bpeModelType = 2
const modelTypeNames: Record<number, string> = { 1: 'unigram', 2: 'BPE', 3: 'word', 4: 'character' }

const supportedTypes: ReadonlySet<number> = new Set(Object.values(pieceTypes))
const unsupportedTypeNames: Record<number, string> = { 4: 'user-defined', 5: 'unused' }

/** ModelProto.SentencePiece */
function readPiece(message: Uint8Array, id: number, file: string): BpePiece {
  let text = ''
  let score = 0
  let type: number = pieceTypes.normal
  for (const field of protobufFields(message)) {
    if (field.number === 1 && field.kind === 'bytes') {
      if (field.value.length > pieceLimits.pieceBytes)
        refuse(file, `piece ${id} has ${field.value.length} bytes, more than ${pieceLimits.pieceBytes}`)
      text = readString(field.value, `piece ${id}`)
    }
    if (field.number === 2 && field.kind === 'fixed32') score = field.value.getFloat32(0, true)
    if (field.number === 3 && field.kind === 'varint') type = field.value
  }
  if (!supportedTypes.has(type))
    refuse(file, `piece ${id} is ${unsupportedTypeNames[type] ?? `of type ${type}`}, which is not supported`)
  return { text, score, type: type as PieceType }
}

interface TrainerSpec {
  modelType: number
  spaceAsSuffix: boolean
  byteFallback: boolean
  unkPiece: string
  bosPiece: string
  eosPiece: string
}

function readTrainerSpec(message: Uint8Array): TrainerSpec {
  const spec: TrainerSpec = {
    modelType: 1,
    spaceAsSuffix: false,
    byteFallback: false,
    unkPiece: '<unk>',
    bosPiece: '<s>',
    eosPiece: '</s>',
  }
  for (const field of protobufFields(message)) {
    if (field.kind === 'varint') {
      if (field.number === 3) spec.modelType = field.value
      if (field.number === 24) spec.spaceAsSuffix = field.value !== 0
      if (field.number === 35) spec.byteFallback = field.value !== 0
    } else if (field.kind === 'bytes') {
      if (field.number === 45) spec.unkPiece = readString(field.value, 'unk_piece')
      if (field.number === 46) spec.bosPiece = readString(field.value, 'bos_piece')
      if (field.number === 47) spec.eosPiece = readString(field.value, 'eos_piece')
    }
  }
  return spec
}

interface NormalizerSpec {
  name: string
  hasRules: boolean
  addsDummyPrefix: boolean
  removesExtraSpaces: boolean
  escapesSpaces: boolean
}

function readNormalizerSpec(message: Uint8Array): NormalizerSpec {
  const spec: NormalizerSpec = {
    name: '',
    hasRules: false,
    addsDummyPrefix: true,
    removesExtraSpaces: true,
    escapesSpaces: true,
  }
  for (const field of protobufFields(message)) {
    if (field.kind === 'bytes') {
      if (field.number === 1) spec.name = readString(field.value, 'the name of the normaliser')
      if (field.number === 2) spec.hasRules = field.value.length > 0
    } else if (field.kind === 'varint') {
      if (field.number === 3) spec.addsDummyPrefix = field.value !== 0
      if (field.number === 4) spec.removesExtraSpaces = field.value !== 0
      if (field.number === 5) spec.escapesSpaces = field.value !== 0
    }
  }
  return spec
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readString(bytes: Uint8Array, what: string): string {
  if (bytes.length > pieceLimits.pieceBytes) throw new ProtobufError(`${what} has ${bytes.length} bytes`)
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new ProtobufError(`${what} is not UTF-8`, { cause: error })
  }
}

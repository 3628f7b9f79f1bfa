import { SafetensorsFile } from '../../checkpoint/safetensors.js'
import { tensorBytes, type TensorEntry } from '../../checkpoint/safetensors-header.js'
import { bytes, grouped, si } from '../../report/format.js'
import { table } from '../../report/table.js'
import { fields, type Finding } from './finding.js'

export async function inspectSafetensors(path: string): Promise<Finding> {
  const file = await SafetensorsFile.open(path)
  try {
    const tensors = [...file.tensors.values()]
    const metadata = Object.fromEntries(file.metadata)
    return {
      text: [
        fields([
          ['safetensors', path],
          ['tensors', grouped(tensors.length)],
          ['elements', si(totalElements(tensors), 'B')],
          ...Object.entries(metadata),
        ]),
        tensorTable(tensors),
      ].join('\n\n'),
      json: { kind: 'safetensors', path, metadata, tensors: tensors.map(tensorSummary) },
    }
  } finally {
    await file.close()
  }
}

export function tensorTable(tensors: readonly TensorEntry[]): string {
  return table(
    [{ title: 'tensor' }, { title: 'type' }, { title: 'shape', right: true }, { title: 'size', right: true }],
    tensors.map((tensor) => [
      tensor.name,
      tensor.dtype,
      tensor.shape.join(' × '),
      bytes(tensorBytes(tensor)),
    ]),
  )
}

export function tensorSummary({ name, dtype, shape }: TensorEntry): object {
  return { name, dtype, shape }
}

export function totalElements(tensors: readonly TensorEntry[]): number {
  return tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
}

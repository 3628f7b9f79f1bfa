import { cudaCases } from './cases.js'
import { patches, type CudaSizes } from './sizes.js'

/** What bench/peers measures with PyTorch: the same rows under the same names. */
export interface PeerRow {
  readonly section: string
  readonly name: string
  readonly dims: Readonly<Record<string, number>>
}

export function peerRows(sizes: CudaSizes): PeerRow[] {
  const steps = Object.entries(sizes.stepSequences).flatMap(([preset, B]) => {
    const { width: C, feedForward: F, layers: L, heads: H } = sizes.presets[preset]!
    const dims = { B, T: sizes.positions, C, F, L, H, V: sizes.vocabulary }
    return patches.map((K) => ({ section: 'step', name: `${preset} step K${K}`, dims: { ...dims, K } }))
  })
  const ops = cudaCases(sizes).map(({ section, name, dims }) => ({ section, name, dims }))
  return [...steps, ...ops]
}

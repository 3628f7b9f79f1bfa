import { rawFrame, repeatedFrame, skippableFrame } from '../helpers/zstd-frames.js'

/** Every kind of frame and block that can be laid out by hand. */
export function zstdFrames(): Buffer {
  return Buffer.concat([
    skippableFrame(Buffer.from('an index')),
    rawFrame(Buffer.from('some text '.repeat(30)), { sized: true, blockBytes: 100 }),
    repeatedFrame(0x61, 5000),
    rawFrame(Buffer.from('the end')),
  ])
}

import { beforeAll, describe, expect, it } from 'vitest'
import { buildCases, f32, f64, folderOfFile, moduleOf, translate, type PtxCase } from './run-ptx.js'

const nan32 = 0x7fc00000
const nan64 = 0x7ff8000000000000n
const all32 = 0xffffffff
const all64 = 0xffffffffffffffffn

/** Bits of a negative number. */
const s32 = (value: number) => value >>> 0
const s64 = (value: bigint) => BigInt.asUintN(64, value)

const families: Record<string, Record<string, PtxCase>> = {
  'integer arithmetic': {
    'sums and products wrap around': {
      code: 'add.s32 %r6, %r0, %r1; sub.s32 %r7, %r2, %r1; mul.lo.s32 %r8, %r0, %r0; add.s64 %d6, %d3, %d1;',
      in: [0x7fffffff, 1, 0x80000000, all64],
      out: { '%r6': 0x80000000, '%r7': 0x7fffffff, '%r8': 1, '%d6': 0 },
    },
    'the high half of a product, signed and unsigned': {
      code: 'mul.hi.s32 %r6, %r0, %r1; mul.hi.u32 %r7, %r0, %r1; mul.hi.u64 %d6, %d2, %d2; mul.hi.s64 %d7, %d2, %d2;',
      in: [s32(-2), 3, all64],
      out: { '%r6': all32, '%r7': 2, '%d6': all64 - 1n, '%d7': 0 },
    },
    'wide products': {
      code: 'mul.wide.s32 %d6, %r0, %r1; mul.wide.u32 %d7, %r0, %r1; mad.wide.u32 %d8, %r1, %r1, %d2; mul.wide.u16 %r6, %h0, %h0;',
      in: [s32(-2), 3, 100],
      out: { '%d6': s64(-6n), '%d7': 0xfffffffen * 3n, '%d8': 109, '%r6': 0xfffc0004 },
    },
    'multiply and add': {
      code: 'mad.lo.s32 %r6, %r0, %r1, %r2; mad.hi.u32 %r7, %r3, %r3, %r2; sad.s32 %r8, %r0, %r1, %r2;',
      in: [s32(-5), 7, 36, all32],
      out: { '%r6': 1, '%r7': (0xfffffffe + 36) % 2 ** 32, '%r8': 48 },
    },
    'division rounds toward zero and never traps': {
      code: 'div.s32 %r6, %r0, %r1; rem.s32 %r7, %r0, %r1; div.u32 %r8, %r0, %r2; rem.u32 %r9, %r0, %r2; div.s64 %d6, %d3, %d4; div.s32 %r10, %r5, %r4;',
      in: [s32(-7), 2, 0, 1n << 63n, all64, 0x80000000],
      out: {
        '%r6': s32(-3),
        '%r7': s32(-1),
        '%r8': all32,
        '%r9': s32(-7),
        '%d6': 1n << 63n,
        '%r10': 0x80000000,
      },
    },
    'minimum, maximum, negation, absolute value': {
      code: 'min.s32 %r6, %r0, %r1; min.u32 %r7, %r0, %r1; max.s32 %r8, %r0, %r1; neg.s32 %r9, %r1; abs.s32 %r10, %r0; abs.s32 %r11, %r2;',
      in: [s32(-3), 5, 0x80000000],
      out: { '%r6': s32(-3), '%r7': 5, '%r8': 5, '%r9': s32(-5), '%r10': 3, '%r11': 0x80000000 },
    },
    'carries run through several words': {
      code: 'add.cc.u32 %r6, %r0, %r1; addc.cc.u32 %r7, %r0, %r2; addc.u32 %r8, %r2, %r2;',
      in: [all32, 1, 0],
      out: { '%r6': 0, '%r7': 0, '%r8': 1 },
    },
    'borrows run through several words': {
      code: 'sub.cc.u32 %r6, %r0, %r1; subc.cc.u32 %r7, %r0, %r0; subc.u32 %r8, %r2, %r0; sub.cc.u32 %r9, %r1, %r1; subc.u32 %r10, %r2, %r0;',
      in: [0, 1, 9],
      out: { '%r6': all32, '%r7': all32, '%r8': 8, '%r9': 0, '%r10': 9 },
    },
    'carries of products': {
      code: 'mad.lo.cc.u32 %r6, %r0, %r0, %r1; madc.hi.cc.u32 %r7, %r0, %r0, %r0; addc.u32 %r8, %r2, %r2;',
      in: [all32, all32, 0],
      out: { '%r6': 0, '%r7': s32(-2), '%r8': 1 },
    },
  },

  'floating point': {
    'a number wins over NaN, +0 over −0, and NaN is asked for by name': {
      code: 'max.f32 %r6, %r0, %r1; min.f32 %r7, %r1, %r0; max.f32 %r8, %r2, %r3; min.f32 %r9, %r2, %r3; max.NaN.f32 %r10, %r0, %r1; max.f32 %r11, %r0, %r0;',
      in: [nan32, f32(2), f32(0), f32(-0)],
      out: {
        '%r6': f32(2),
        '%r7': f32(2),
        '%r8': 0,
        '%r9': 0x80000000,
        '%r10': 0x7fffffff,
        '%r11': 0x7fffffff,
      },
    },
    'fma rounds once': {
      code: 'fma.rn.f32 %r6, %r0, %r0, %r1; mul.rn.f32 %r7, %r0, %r0; add.f32 %r7, %r7, %r1;',
      in: [f32(1 + 2 ** -23), f32(-1 - 2 ** -22)],
      out: { '%r6': f32(2 ** -46), '%r7': 0 },
    },
    'directed rounding': {
      code: 'add.rz.f32 %r6, %r0, %r1; add.rm.f32 %r7, %r2, %r3; add.rp.f32 %r8, %r0, %r1; div.rn.f64 %d6, %d4, %d5; div.rp.f64 %d7, %d4, %d5; fma.rm.f32 %r9, %r0, %r2, %r3;',
      in: [f32(1), f32(2 ** -30), f32(-1), f32(-(2 ** -30)), f64(1), f64(3)],
      out: {
        '%r6': f32(1),
        '%r7': f32(-1) + 1,
        '%r8': f32(1) + 1,
        '%d6': f64(1 / 3),
        '%d7': f64(1 / 3) + 1n,
        '%r9': f32(-1) + 1,
      },
    },
    'flush to zero keeps the sign': {
      code: 'add.ftz.f32 %r6, %r0, %r1; mul.ftz.f32 %r7, %r2, %r3; add.f32 %r8, %r0, %r1; ex2.approx.ftz.f32 %r9, %r0;',
      in: [0x80000001, f32(-0), f32(2 ** -100), f32(-(2 ** -30))],
      out: { '%r6': 0x80000000, '%r7': 0x80000000, '%r8': 0x80000001, '%r9': f32(1) },
    },
    'saturation, copysign, absolute value': {
      code: 'add.sat.f32 %r6, %r0, %r0; add.sat.f32 %r7, %r1, %r1; add.sat.f32 %r8, %r2, %r2; copysign.f32 %r9, %r1, %r0; abs.f32 %r10, %r1; neg.f64 %d6, %d3;',
      in: [f32(2), f32(-3), nan32, f64(1.5)],
      out: { '%r6': f32(1), '%r7': 0, '%r8': 0, '%r9': f32(-2), '%r10': f32(3), '%d6': f64(-1.5) },
    },
    'approximations are exact where the answer is': {
      code: 'rcp.approx.ftz.f32 %r6, %r0; rsqrt.approx.f32 %r7, %r0; sqrt.rn.f32 %r8, %r0; lg2.approx.ftz.f32 %r9, %r0; div.full.f32 %r10, %r0, %r1; rcp.approx.ftz.f64 %d6, %d2;',
      in: [f32(4), f32(8), f64(3)],
      out: {
        '%r6': f32(0.25),
        '%r7': f32(0.5),
        '%r8': f32(2),
        '%r9': f32(2),
        '%r10': f32(0.5),
        '%d6': 0x3fd5555500000000n,
      },
    },
    'classes of numbers': {
      code: 'testp.finite.f32 %p0, %r0; testp.infinite.f32 %p1, %r1; testp.notanumber.f32 %p2, %r2; testp.subnormal.f32 %p3, %r3; testp.normal.f32 %p4, %r3;',
      in: [f32(1), f32(Infinity), nan32, 1],
      out: { '%p0': 1, '%p1': 1, '%p2': 1, '%p3': 1, '%p4': 0 },
    },
  },

  bits: {
    'shifts of the width or more leave zeros, or the sign': {
      code: 'shl.b32 %r6, %r0, 32; shr.u32 %r7, %r0, 40; shr.s32 %r8, %r0, 40; shl.b32 %r9, %r0, %r1; shr.s64 %d6, %d2, 64; shl.b64 %d7, %d1, 33; shl.b64 %d8, %d1, %r3; shr.u16 %h6, %h0, 4;',
      in: [0x80000010, 4, 1n << 63n, 64],
      out: {
        '%r6': 0,
        '%r7': 0,
        '%r8': all32,
        '%r9': 0x100,
        '%d6': all64,
        '%d7': 4n << 33n,
        '%d8': 0,
        '%h6': 1,
      },
    },
    'funnel shifts': {
      code: 'shf.l.wrap.b32 %r6, %r0, %r1, 40; shf.r.clamp.b32 %r7, %r0, %r1, 40; shf.l.clamp.b32 %r8, %r0, %r1, 4;',
      in: [0x89abcdef, 0x01234567],
      out: { '%r6': 0x23456789, '%r7': 0x01234567, '%r8': 0x12345678 },
    },
    'fields: inside, with sign, beyond the end, empty': {
      code: 'bfe.u32 %r6, %r0, 4, 8; bfe.s32 %r7, %r0, 4, 8; bfe.s32 %r8, %r1, 28, 8; bfe.u32 %r9, %r1, 28, 8; bfe.s32 %r10, %r1, 3, 0; bfe.s32 %r11, %r1, 40, 4; bfe.u64 %d6, %d2, 60, 4;',
      in: [0xabc, 0x80000000, 0xf000000000000000n],
      out: {
        '%r6': 0xab,
        '%r7': s32(0xab - 256),
        '%r8': s32(-8),
        '%r9': 8,
        '%r10': 0,
        '%r11': all32,
        '%d6': 15,
      },
    },
    'inserting fields': {
      code: 'bfi.b32 %r6, %r0, %r1, 8, 4; bfi.b32 %r7, %r0, %r1, 30, 8; bfi.b32 %r8, %r0, %r1, 0, 0; bfi.b32 %r9, %r0, %r1, 0, 32; bfi.b64 %d6, %d0, %d1, 32, 32;',
      in: [0xff, 0],
      out: { '%r6': 0xf00, '%r7': 0xc0000000, '%r8': 0, '%r9': 0xff, '%d6': 0xffn << 32n },
    },
    'counting and finding': {
      code: 'popc.b32 %r6, %r0; clz.b32 %r7, %r0; clz.b32 %r8, %r1; clz.b64 %r9, %d0; brev.b32 %r10, %r0; bfind.u32 %r11, %r0; bfind.s32 %r12, %r2; bfind.u32 %r13, %r1; bfind.shiftamt.u32 %r14, %r0; popc.b64 %r15, %d2;',
      in: [0xf0, 0, all64 - 4n],
      out: {
        '%r6': 4,
        '%r7': 24,
        '%r8': 32,
        '%r9': 56,
        '%r10': 0x0f000000,
        '%r11': 7,
        '%r12': 2,
        '%r13': all32,
        '%r14': 24,
        '%r15': 63,
      },
    },
    'logic by table and permuted bytes': {
      code: 'lop3.b32 %r6, %r0, %r1, %r2, 0x96; lop3.b32 %r7, %r0, %r1, %r2, 0xca; prmt.b32 %r8, %r3, %r4, 0x7531; prmt.b32 %r9, %r3, %r4, 0x000b; not.b32 %r10, %r0; xor.b32 %r11, %r0, %r1;',
      in: [0xff00ff00, 0xf0f0f0f0, 0xcccccccc, 0x83828180, 0x07060504],
      out: {
        '%r6': (0xff00ff00 ^ 0xf0f0f0f0 ^ 0xcccccccc) >>> 0,
        '%r7': ((0xff00ff00 & 0xf0f0f0f0) | (~0xff00ff00 & 0xcccccccc)) >>> 0,
        '%r8': 0x07058381,
        '%r9': 0x808080ff,
        '%r10': 0x00ff00ff,
        '%r11': 0x0ff00ff0,
      },
    },
  },

  comparisons: {
    'signed and unsigned': {
      code: 'setp.lt.s32 %p0, %r0, %r1; setp.lt.u32 %p1, %r0, %r1; setp.hi.u32 %p2, %r0, %r1; setp.ge.s64 %p3, %d2, %d1; setp.ne.b32 %p4, %r0, %r1;',
      in: [s32(-1), 1, all64],
      out: { '%p0': 1, '%p1': 0, '%p2': 1, '%p3': 0, '%p4': 1 },
    },
    'NaN: ordered forms are false, unordered ones true': {
      code: 'setp.eq.f32 %p0, %r0, %r0; setp.ne.f32 %p1, %r0, %r1; setp.neu.f32 %p2, %r0, %r1; setp.ltu.f32 %p3, %r0, %r1; setp.ge.f32 %p4, %r0, %r1; setp.nan.f32 %p5, %r0, %r1; setp.num.f32 %p6, %r0, %r1; setp.equ.f64 %p7, %d2, %d2;',
      in: [nan32, f32(1), nan64],
      out: { '%p0': 0, '%p1': 0, '%p2': 1, '%p3': 1, '%p4': 0, '%p5': 1, '%p6': 0, '%p7': 1 },
    },
    'two results and a combination': {
      code: 'setp.lt.s32 %p7, %r0, %r1; setp.gt.and.s32 %p0|%p1, %r0, %r1, %p7; setp.gt.or.s32 %p2|%p3, %r0, %r1, !%p7; setp.lt.xor.s32 %p4, %r0, %r1, %p7;',
      in: [1, 2],
      out: { '%p0': 0, '%p1': 1, '%p2': 0, '%p3': 1, '%p4': 0 },
    },
    'selection and logic of predicates': {
      code: 'setp.eq.s32 %p0, %r0, %r0; not.pred %p1, %p0; or.pred %p2, %p0, %p1; and.pred %p3, %p0, %p1; selp.f32 %r6, %r0, %r1, %p1; selp.b64 %d6, %d0, -1, %p3; mov.pred %p4, %p2;',
      in: [5, 7],
      out: { '%p1': 0, '%p2': 1, '%p3': 0, '%p4': 1, '%r6': 7, '%d6': all64 },
    },
  },

  conversions: {
    'integers extend by their own sign and truncate': {
      code: 'cvt.s32.s8 %r6, %r0; cvt.u32.u8 %r7, %r0; cvt.s64.s32 %d6, %r1; cvt.u64.u32 %d7, %r1; cvt.u16.u32 %h6, %r1; cvt.sat.u8.s32 %r8, %r1; cvt.sat.s8.s32 %r9, %r2;',
      in: [0x180, s32(-2), 1000],
      out: {
        '%r6': s32(-128),
        '%r7': 0x80,
        '%d6': s64(-2n),
        '%d7': 0xfffffffe,
        '%h6': 0xfffe,
        '%r8': 0,
        '%r9': 127,
      },
    },
    'floats to integers round as asked': {
      code: 'cvt.rni.s32.f32 %r6, %r0; cvt.rzi.s32.f32 %r7, %r1; cvt.rmi.s32.f32 %r8, %r1; cvt.rpi.s32.f32 %r9, %r1; cvt.rni.f32.f32 %r10, %r0;',
      in: [f32(2.5), f32(-1.5)],
      out: { '%r6': 2, '%r7': s32(-1), '%r8': s32(-2), '%r9': s32(-1), '%r10': f32(2) },
    },
    'what does not fit becomes the bound, NaN becomes 0': {
      code: 'cvt.rzi.s32.f32 %r6, %r0; cvt.rzi.s32.f32 %r7, %r1; cvt.rzi.u32.f32 %r8, %r1; cvt.rzi.s32.f32 %r9, %r2; cvt.rzi.u64.f32 %d6, %r0; cvt.rzi.s64.f32 %d7, %r2; cvt.rzi.u16.f32 %h6, %r3;',
      in: [f32(1e30), f32(-1e30), nan32, f32(65536)],
      out: {
        '%r6': 0x7fffffff,
        '%r7': 0x80000000,
        '%r8': 0,
        '%r9': 0,
        '%d6': all64,
        '%d7': 1n << 63n,
        '%h6': 0xffff,
      },
    },
    'integers and doubles to floats': {
      code: 'cvt.rn.f32.s32 %r6, %r0; cvt.rz.f32.s32 %r7, %r0; cvt.rn.f32.u32 %r8, %r1; cvt.rn.f32.f64 %r9, %d2; cvt.rp.f32.f64 %r10, %d2; cvt.f64.f32 %d6, %r3; cvt.rn.f64.u64 %d7, %d4;',
      in: [0x7fffffff, s32(-1), f64(1 + 2 ** -30), f32(0.1), all64],
      out: {
        '%r6': f32(2 ** 31),
        '%r7': f32(2 ** 31) - 1,
        '%r8': f32(2 ** 32),
        '%r9': f32(1),
        '%r10': f32(1) + 1,
        '%d6': f64(Math.fround(0.1)),
        '%d7': f64(2 ** 64),
      },
    },
    'bf16: ties to even, NaN, the first operand is the high half': {
      code: 'cvt.rn.bf16x2.f32 %r6, %r0, %r1; cvt.rn.bf16x2.f32 %r7, %r2, %r3; cvt.rn.bf16.f32 %h6, %r4; cvt.sat.f32.f32 %r8, %r4;',
      in: [0x3f808000, 0x3f818000, nan32, 0x7f7fffff, f32(-3)],
      out: { '%r6': 0x3f803f82, '%r7': 0x7fff7f80, '%h6': 0xc040, '%r8': 0 },
    },
    'registers taken apart and put together': {
      code: 'mov.b64 {%r6, %r7}, %d0; mov.b64 %d6, {%r7, %r6}; mov.b32 {%h6, %h7}, %r6; mov.b32 %r8, {%h7, %h6}; mov.b64 {_, %r9}, %d0; mov.f32 %r10, 0f3F800000; mov.f64 %d7, 0dBFF0000000000000;',
      in: [0x1122334455667788n],
      out: {
        '%r6': 0x55667788,
        '%r7': 0x11223344,
        '%d6': 0x5566778811223344n,
        '%h6': 0x7788,
        '%r8': 0x77885566,
        '%r9': 0x11223344,
        '%r10': f32(1),
        '%d7': f64(-1),
      },
    },
  },

  memory: {
    'vectors, narrow and signed elements': {
      code: 'ld.global.v2.b32 {%r6, %r7}, [%in]; ld.global.s8 %r8, [%in+7]; ld.global.u8 %r9, [%in+7]; ld.global.nc.L1::no_allocate.v2.u64 {%d6, %d7}, [%in+0]; ld.s16 %d8, [%in+6]; ld.volatile.global.b32 %r10, [%in+4];',
      in: [0x8877665544332211n, 42],
      out: {
        '%r6': 0x44332211,
        '%r7': 0x88776655,
        '%r8': s32(0x88 - 256),
        '%r9': 0x88,
        '%d6': 0x8877665544332211n,
        '%d7': 42,
        '%d8': s64(0x8877n - 0x10000n),
        '%r10': 0x88776655,
      },
    },
    'an address may be overwritten by what is loaded from it': {
      code: 'add.s64 %d6, %in, 0; ld.global.v2.b64 {%d6, %d7}, [%d6];',
      in: [1, 2],
      out: { '%d6': 1, '%d7': 2 },
    },
    'local memory and addresses with negative offsets': {
      code: '.local .align 16 .b8 depot[32]; .reg .b64 %SP; mov.u64 %SP, depot; add.s64 %d6, %SP, 16; st.local.v4.b32 [%d6+-16], {%r0, %r1, %r2, %r3}; cvta.local.u64 %d7, %SP; ld.u32 %r6, [%d7+8]; ld.local.u64 %d8, [%SP];',
      in: [1, 2, 3, 4],
      out: { '%r6': 3, '%d8': (2n << 32n) | 1n },
    },
    'tables of the module': {
      module:
        '.global .align 4 .b8 bytes_table[4] = {1, 2, 3, 0xFF};\n.const .align 8 .f64 doubles[2] = {0d3FF0000000000000, 0dBFF0000000000000};',
      code: 'mov.u64 %d6, bytes_table; ld.global.u32 %r6, [%d6]; ld.const.f64 %d7, [doubles+8]; ld.global.u8 %r7, [bytes_table+1];',
      in: [],
      out: { '%r6': 0xff030201, '%d7': f64(-1), '%r7': 2 },
    },
    'atomics give the old value': {
      code: 'st.global.b64 [%out+64], %d0; atom.global.add.u32 %r6, [%out+64], 5; atom.global.cas.b32 %r7, [%out+64], 12, 100; atom.global.max.s32 %r8, [%out+64], -1; red.global.min.s32 [%out+64], -1; atom.global.exch.b32 %r9, [%out+64], 3; atom.add.u64 %d6, [%out+64], 1; ld.global.b64 %d7, [%out+64];',
      in: [7],
      out: { '%r6': 7, '%r7': 12, '%r8': 100, '%r9': all32, '%d6': 3, '%d7': 4 },
    },
  },

  control: {
    'branches, guards and loops': {
      code: 'mov.u32 %r6, 0; $L_1: add.s32 %r6, %r6, 1; setp.lt.u32 %p0, %r6, %r0; @%p0 bra $L_1; bra.uni $L_2; mov.u32 %r6, 99; $L_2: @!%p0 mov.u32 %r7, 8; @%p0 mov.u32 %r7, 9;',
      in: [5],
      out: { '%r6': 5, '%r7': 8 },
    },
    'a table of branches': {
      code: 'brx.idx %r0, $L_t; $L_t: .branchtargets $L_a, $L_b; $L_a: mov.u32 %r6, 10; bra $L_e; $L_b: mov.u32 %r6, 11; $L_e: mov.u32 %r7, 1;',
      in: [1],
      out: { '%r6': 11, '%r7': 1 },
    },
    'blocks have registers and labels of their own': {
      code: '{ .reg .b32 %r6; .reg .b32 t; mov.u32 %r6, 1; mov.u32 t, 2; bra L; mov.u32 %r6, 5; L: add.s32 %r7, %r6, t; } { .reg .b32 t; mov.u32 t, 7; bra L; mov.u32 t, 8; L: mov.u32 %r8, t; } mov.u32 %r6, 4;',
      in: [],
      out: { '%r6': 4, '%r7': 3, '%r8': 7 },
    },
    'functions take and give bytes': {
      module: `.func (.param .align 8 .b8 both[16]) twice(.param .b64 twice_0, .param .b32 twice_1);
.func (.param .align 8 .b8 both[16]) twice(.param .b64 twice_0, .param .b32 twice_1)
{ .reg .b64 %d<3>; .reg .b32 %r<3>; ld.param.f64 %d1, [twice_0]; add.f64 %d1, %d1, %d1; st.param.f64 [both+0], %d1;
  ld.param.u32 %r1, [twice_1]; shl.b32 %r1, %r1, 1; st.param.b32 [both+8], %r1; ret; }`,
      code: '{ .param .b64 param0; st.param.f64 [param0+0], %d0; .param .b32 param1; st.param.b32 [param1+0], %r1; .param .align 8 .b8 retval0[16]; call.uni (retval0), twice, (param0, param1); ld.param.f64 %d6, [retval0+0]; ld.param.b32 %r6, [retval0+8]; }',
      in: [f64(1.25), 21],
      out: { '%d6': f64(2.5), '%r6': 42 },
    },
  },
}

const cases = Object.assign({}, ...Object.values(families)) as Record<string, PtxCase>

/** They end the run. */
const failures: Record<string, PtxCase> = {
  misaligned: { code: 'ld.global.v2.b32 {%r6, %r7}, [%in+4];', in: [], out: { '%r6': 0 } },
  trap: { code: 'trap;', in: [], out: { '%r6': 0 } },
  'beyond a table of branches': {
    code: 'brx.idx %r0, $L_t; $L_t: .branchtargets $L_a; $L_a: mov.u32 %r6, 1;',
    in: [1],
    out: { '%r6': 0 },
  },
}

const folder = folderOfFile()

describe('PTX as C++', () => {
  let run: ReturnType<typeof buildCases>
  beforeAll(() => {
    run = buildCases({ ...cases, ...failures }, folder)
  })

  for (const [family, members] of Object.entries(families))
    describe(family, () => {
      for (const [name, { out }] of Object.entries(members))
        it(name, () => {
          const got = run(name)
          const registers = Object.keys(out)
          if (typeof got === 'string') throw new Error(got)
          const hex = (value: number | bigint) => `0x${BigInt(value).toString(16)}`
          expect(Object.fromEntries(registers.map((register, i) => [register, hex(got[i]!)]))).toEqual(
            Object.fromEntries(registers.map((register) => [register, hex(out[register]!)])),
          )
        })
    })

  it('a vector access that is not aligned as a whole is reported', () =>
    expect(run('misaligned')).toBe('misaligned 8'))
  it('trap and a jump beyond its table are reported', () => {
    expect(run('trap')).toBe('trap')
    expect(run('beyond a table of branches')).toBe('trap')
  })
})

describe('what the translator refuses', () => {
  const refused: [name: string, code: string, text: RegExp][] = [
    [
      'an unknown instruction',
      'frobnicate.b32 %r1, %r2;',
      /in\.ptx:\d+: frobnicate\.b32 in kernel: this instruction is not known/,
    ],
    [
      'an unknown modifier',
      'add.sat.s32 %r1, %r2, %r3;',
      /add\.sat\.s32 in kernel: the modifier \.sat is not known here/,
    ],
    ['an unknown type', 'add.f16 %h1, %h2, %h3;', /add\.f16 in kernel: expected one type, found 0/],
    ['an unknown register', 'add.s32 %r1, %q2, %r3;', /%q2 is not known as a value/],
    [
      'other tensor shapes',
      'mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%r1,%r2,%r3,%r4}, {%r5,%r6}, {%r7}, {%r1,%r2,%r3,%r4};',
      /m16n8k16 is missing/,
    ],
    ['atomics on floats', 'atom.global.add.f32 %r1, [%in], %r2;', /depend on the order of threads/],
    ['barriers of a part of a block', 'bar.sync 1, 64;', /only barrier 0/],
    ['calls through pointers', 'call.uni (%r1), %d1, (%r2);', /call\.uni in kernel/],
    ['a missing operand', 'shfl.sync.idx.b32;', /operand \d is missing/],
    ['text that is no PTX', '#;', /line \d+: cannot read "#/],
  ]
  it.each(refused)('%s', (_name, code, text) => {
    const { status, errors } = translate(moduleOf(code), folder)
    expect(status).toBe(1)
    expect(errors).toMatch(text)
  })

  it('static shared memory', () => {
    expect(translate(moduleOf('', '.shared .align 4 .b8 buffer[64];'), folder).errors).toMatch(
      /only dynamic shared memory.*PT_SHARED/,
    )
  })

  it('every mistake is told, not only the first', () => {
    const { errors } = translate(moduleOf('one.b32 %r1; two.b32 %r2;'), folder)
    expect(errors).toMatch(/one\.b32[^]*two\.b32/)
  })
})

describe('places in the source', () => {
  it('.loc becomes #line, and all that came from a line stays on one', () => {
    const lines = '.file 7 "kernel.cu"\n'
    const code =
      '\n.loc 7 12 3\nadd.s32 %r6, %r0, %r1;\nadd.s32 %r7, %r0, %r1;\n.loc 7 0 3\nmov.u32 %r8, 1;\nbar.sync 0;\n'
    const { cpp } = translate(moduleOf(code, lines), folder)
    expect(cpp).toMatch(/#line 12 "kernel\.cu"\n.*\$r6 = .*\$r7 = .*\$r8 = .*sync_block\(12\)/)
  })
})

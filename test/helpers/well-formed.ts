import { expect } from 'vitest'

/** Tags must nest and attributes be quoted: enough to find what an XML parser would refuse. */
export function requireWellFormed(svg: string): void {
  const open: string[] = []
  const rest = svg.replace(
    /<(\/?)([a-zA-Z]+)((?: [\w-]+="[^"<]*")*)(\/?)>/g,
    (_, close: string, name: string, _attributes, single: string) => {
      if (close) expect(open.pop()).toBe(name)
      else if (!single) open.push(name)
      return ''
    },
  )
  expect(open).toEqual([])
  expect(rest).not.toMatch(/[<>]/)
}

/** Just enough SVG to draw a figure: elements as text, with every attribute and text escaped. */

export type Attributes = Readonly<Record<string, string | number | undefined>>

/** `children` are elements made by this function, or text made by `text`. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? rounded(value, 100) : escaped(value!)}"`)
    .join('')
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join('')}</${name}>`
}

export function label(content: string, attributes: Attributes): string {
  return element('text', attributes, escaped(content))
}

/** What a viewer shows while the pointer rests on the element that holds it. */
export function tooltip(content: string): string {
  return element('title', {}, escaped(content))
}

/** A polyline through points in picture coordinates; nothing when there are fewer than two. */
export function line(points: readonly (readonly [number, number])[], attributes: Attributes): string {
  if (points.length < 2) return ''
  return element('path', { fill: 'none', ...attributes, d: path(points) })
}

/** The area between two curves over the same x. */
export function band(
  points: readonly (readonly [x: number, low: number, high: number])[],
  attributes: Attributes,
): string {
  if (points.length < 2) return ''
  const lower = points.map(([x, low]) => [x, low] as const)
  const upper = points.map(([x, , high]) => [x, high] as const).reverse()
  return element('path', { stroke: 'none', ...attributes, d: `${path([...lower, ...upper])}Z` })
}

function path(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${rounded(x, 10)} ${rounded(y, 10)}`).join('')
}

/** A tenth of a pixel is finer than anyone sees; other attributes, such as an opacity, need a hundredth. */
function rounded(value: number, parts: number): string {
  return String(Math.round(value * parts) / parts)
}

function escaped(text: string): string {
  return (
    text
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;')
      // Control characters are not allowed in XML, not even escaped.

      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd')
  )
}

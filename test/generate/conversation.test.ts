import { describe, expect, it } from 'vitest'
import { Conversation, type ConversationOptions } from '../../lib/generate/conversation.js'
import { generate, type Writer } from '../../lib/generate/generate.js'
import { ChatTemplate, defaultTemplate } from '../../lib/generate/template.js'
import { tinyWriter } from '../helpers/tiny-writer.js'

async function text(pieces: AsyncIterable<string>): Promise<string> {
  let all = ''
  for await (const piece of pieces) all += piece
  return all
}

const greedy = { temperature: 0, maxTokens: 12 }

describe('a chat template', () => {
  const turns = [{ user: 'a', assistant: ' b' }]

  it('writes the turns one after the other, up to where the answer begins', () => {
    const template = new ChatTemplate(defaultTemplate)
    expect(template.prompt([], 'hi')).toBe('User: hi\nAssistant:')
    expect(template.prompt(turns, 'hi')).toBe('User: a\nAssistant: b\nUser: hi\nAssistant:')
    expect(new ChatTemplate('[{user}|{assistant}]').prompt(turns, 'hi')).toBe('[a| b][hi|')
  })

  it.each([
    [defaultTemplate, ['\nUser:']],
    ['Q: {user}\nA: {assistant}\n###\n', ['\n###']],
    ['{user}\n{assistant}\n', []],
  ])('of %j ends answers before %j', (template, stops) => {
    expect(new ChatTemplate(template).stops()).toEqual(stops)
  })

  it.each(['', '{user}', '{assistant}{user}', '{user}{user}{assistant}', '{user}{assistant}{assistant}'])(
    'is not %j',
    (template) => {
      expect(() => new ChatTemplate(template)).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG', path: 'template' }),
      )
    },
  )
})

describe('a conversation', () => {
  const talk = async (questions: string[], options: ConversationOptions, writer: Writer) => {
    const conversation = new Conversation(writer, options)
    const answers: string[] = []
    for (const question of questions) answers.push(await text(conversation.answer(question)))
    return { answers, conversation }
  }

  it('answers as the whole text so far would be gone on with, though it reads only what is new', async () => {
    const writer = await tinyWriter(256)
    const { answers, conversation } = await talk(['one', 'two', 'three'], greedy, writer)
    const template = new ChatTemplate(defaultTemplate)
    for (let i = 0; i < 3; i++) {
      const prompt = template.prompt(conversation.turns.slice(0, i), conversation.turns[i]!.user)
      const whole = await text(generate(writer, prompt, { ...greedy, stop: template.stops() }))
      expect(answers[i]).toBe(whole.trimStart())
    }
    expect(conversation.turns.map(({ assistant }) => assistant)).toEqual(answers.map((a) => a.trimEnd()))
    conversation.dispose()
  })

  it('forgets the oldest turns when the context is full', async () => {
    const { conversation } = await talk(['one', 'two', 'three', 'four'], greedy, await tinyWriter(80))
    const asked = conversation.turns.map(({ user }) => user)
    expect(asked.length).toBeLessThan(4)
    expect(asked).toEqual(['one', 'two', 'three', 'four'].slice(-asked.length))
    conversation.dispose()
  })

  it('remembers what was said of an answer that was stopped', async () => {
    const writer = await tinyWriter(256)
    const conversation = new Conversation(writer, { temperature: 1, maxTokens: 100 })
    const controller = new AbortController()
    const answer = conversation.answer('one', controller.signal)
    const first = await answer.next()
    controller.abort()
    await expect(answer.next()).rejects.toMatchObject({ name: 'AbortError' })
    expect(conversation.turns).toEqual([{ user: 'one', assistant: (first.value as string).trimEnd() }])
    for await (const piece of conversation.answer('two')) if (piece) break
    expect(conversation.turns).toHaveLength(2)
    conversation.dispose()
  })

  it('answers questions that are longer than the context, and refuses what is no question', async () => {
    const { answers, conversation } = await talk(['x'.repeat(200)], greedy, await tinyWriter(32))
    expect(answers[0]).toBeDefined()
    await expect(conversation.answer(null as unknown as string).next()).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      path: 'user',
    })
    conversation.dispose()
  })
})

import { createInterface } from 'node:readline'
import { Conversation } from '../../generate/conversation.js'
import { defaultTemplate } from '../../generate/template.js'
import { ChatLoop } from '../chat/loop.js'
import { defineCommand, type CliContext } from '../command.js'
import { exitCode } from '../exit.js'
import { generationFlags, generationOptions, unescaped } from '../generation-flags.js'
import { modelOptions, modelPositional, openModel } from '../model-flags.js'

export const chat = defineCommand({
  positionals: { model: modelPositional },
  options: {
    ...generationFlags,
    template: {
      type: 'string',
      default: defaultTemplate.replaceAll('\n', '\\n'),
      describe: 'A turn with {user} and {assistant} in their places; \\n is a new line',
    },
    ...modelOptions,
  },
  examples: [
    ['chat exported/', 'talk with a model; Ctrl+C stops an answer, and again the program'],
    ['chat exported/ < questions.txt', 'a line a turn'],
    [
      'chat exported/ --template "Q: {user}\\nA: {assistant}\\n"',
      'for a model that knows questions like this',
    ],
  ],
  async run(args, context) {
    const model = await openModel(args)
    try {
      const conversation = new Conversation(model, {
        ...generationOptions(args),
        template: unescaped(args.template),
      })
      try {
        return await talk(conversation, context)
      } finally {
        conversation.dispose()
      }
    } finally {
      model.dispose()
    }
  },
})

async function talk(conversation: Conversation, { stdout, terminal }: CliContext): Promise<number> {
  const typed = Boolean(process.stdin.isTTY) && terminal.live
  const mark = typed ? terminal.colors.bold('> ') : ''
  const lines = createInterface({
    input: process.stdin,
    ...(typed && { output: process.stderr, prompt: mark }),
    terminal: typed,
  })
  let closed = false
  lines.once('close', () => (closed = true))
  const loop = new ChatLoop(conversation, {
    ...{ lines, stdout, terminal },
    ask: () => void (typed && !closed && lines.prompt()),
    close: () => lines.close(),
  })
  const interrupt = () => loop.interrupt()
  const terminate = () => loop.leave(exitCode.terminated)
  lines.on('SIGINT', interrupt) // a terminal that readline reads gives it the key instead of the signal
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', terminate)
  try {
    return await loop.run()
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', terminate)
    lines.close()
  }
}

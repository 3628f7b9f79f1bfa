// patchtrain as a contender: node ours.js '<task as JSON>', see protocol.ts.
import { contend } from './node-contender.js'
import { prepareOperation } from './our-operation.js'
import { prepareStep } from './our-step.js'

await contend((task) => (task.work === 'step' ? prepareStep(task) : prepareOperation(task)))

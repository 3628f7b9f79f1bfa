// A process of its own that says how long it took to load the addon and open the CPU device.
import { performance } from 'node:perf_hooks'
import { Device } from '../../lib/native/device.js'

const start = performance.now()
const device = Device.create({ device: 'cpu' })
const seconds = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage()
console.log(JSON.stringify({ seconds, processorSeconds: (user + system) / 1e6 }))
device.dispose()

// A process of its own that prints how many seconds it took to load the addon and open the CPU device.
import { performance } from 'node:perf_hooks'
import { Device } from '../lib/native/device.js'

const start = performance.now()
const device = Device.create()
console.log((performance.now() - start) / 1000)
device.dispose()

export { parseFault, type Fault, type FaultKind } from './faults.js'
export { readIamPolicy } from './policy.js'
export { startDevKms, type DevKms, type DevKmsOptions, type DevKmsRequest } from './server.js'
export { copyWorld, createWorld, type World } from './account.js'

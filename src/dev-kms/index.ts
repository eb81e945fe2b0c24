export { FAULT_KINDS, FAULT_OPERATIONS, parseFault, type Fault, type FaultKind } from './faults.js'
export { readIamPolicy } from './policy.js'
export { startDevKms, type DevKms, type DevKmsOptions, type DevKmsRequest } from './server.js'
export { copyAccount, createAccount, type Account } from './account.js'

import { ALIASES } from './contract/aliases.js'
import { ABSENT, MATERIALS, STATES } from './contract/refusals.js'
import { replicaGroup } from './contract/replica.js'
import { typeGroup } from './contract/type.js'
import { usageGroup } from './contract/usage.js'
import { ADOPTION } from './flows/adoption.js'
import { COMMANDS } from './flows/commands.js'
import { EVERY_KIND } from './flows/kinds.js'
import { VERIFY_AND_REPAIR } from './flows/mishaps.js'
import { USERS } from './flows/users.js'
import { FIRST_KINDS, KINDS } from './kinds.js'
import type { Group } from './suite.js'

/** The whole suite: the contract of a provider, then the flows of the binary. */
export const GROUPS: readonly Group[] = [
  ...FIRST_KINDS.map(typeGroup),
  ...KINDS.filter((kind) => !FIRST_KINDS.includes(kind)).map(usageGroup),
  ...FIRST_KINDS.map(replicaGroup),
  ALIASES, ABSENT, STATES, MATERIALS,
  EVERY_KIND, COMMANDS, USERS, VERIFY_AND_REPAIR, ADOPTION,
]

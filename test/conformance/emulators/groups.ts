import { ALIASES } from './contract/aliases.js'
import { ABSENT, MATERIALS, STATES } from './contract/refusals.js'
import { replicaGroup } from './contract/replica.js'
import { typeGroup } from './contract/type.js'
import { COMMANDS } from './flows/commands.js'
import { EVERY_KIND } from './flows/every-kind.js'
import { VERIFY_AND_REPAIR } from './flows/changes.js'
import { USERS } from './flows/users.js'
import { FAMILIES, KINDS } from './kinds.js'
import type { Group } from './suite.js'

/** The whole suite: the contract of a provider, then the flows of the binary. */
export const GROUPS: readonly Group[] = [
  ...KINDS.map(typeGroup),
  ...FAMILIES.map(replicaGroup),
  ALIASES,
  ABSENT,
  STATES,
  MATERIALS,
  EVERY_KIND,
  COMMANDS,
  USERS,
  VERIFY_AND_REPAIR,
]

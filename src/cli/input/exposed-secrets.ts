import type { Field, Fields } from '../../router/fields.js'

/**
 * Returns the names of the secret fields whose values are in these DATA arguments, where every user
 * of the machine can see them.
 */
export function exposedSecrets(args: readonly string[], fields: Fields): readonly string[] {
  const names = args.flatMap((arg) => {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(arg) ?? []
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    return field && isSecret(field, value) ? [name] : []
  })
  return [...new Set(names)]
}

function isSecret({ secret, secretNames }: Field<unknown>, value: string): boolean {
  if (!secret || value === '' || isRead(value)) return false
  const [, name, inner = ''] = /^(\w+)=([^]*)$/.exec(value) ?? []
  return secretNames ? name !== undefined && secretNames.includes(name) && !isRead(inner) : true
}

/** True if the value is read from a file or from standard input. */
function isRead(value: string): boolean {
  return value === '-' || value.startsWith('@')
}

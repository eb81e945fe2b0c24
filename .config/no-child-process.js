// Takes the place of `node:child_process` in commander, which needs it for commands that are other
// programs. keymgmt has none, and Node.js takes 3 ms to load the module.

/** Never called. */
export function spawn() {
  throw new Error('keymgmt has no commands that are other programs')
}

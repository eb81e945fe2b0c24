// Replaces `node:child_process` in the bundled commander, which uses it for commands that are
// separate programs. keymgmt has none, and Node.js takes 3 ms to load the module.

/** Commander imports this function, but never calls it. */
export function spawn() {
  throw new Error('keymgmt has no commands that are separate programs')
}

// A module of its own, because only a terminal needs it and Node.js loads its network code with it.
export { isatty } from 'node:tty'

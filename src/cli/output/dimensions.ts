// By itself, for it is loaded only where there may be a terminal: Node.js loads its network with
// it.
export { isatty } from 'node:tty'

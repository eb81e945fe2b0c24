// A separate module, because only a terminal needs it, and it makes Node.js load its network code.
export { isatty } from 'node:tty'

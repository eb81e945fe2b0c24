// Replaces ajv and ajv-formats in the bundled conf, which uses them to validate settings against a
// schema. keymgmt gives it none, and the two are a tenth of the package.

/** conf imports this class, but never creates one. */
export class Ajv2020 {
  constructor() {
    throw new Error('keymgmt has no schema of settings')
  }
}

/** conf imports this default, but never calls it. */
export default undefined

// Replaces semver in the bundled conf, which uses it to migrate settings between versions of a
// program. keymgmt defines no migrations.

/** conf imports this default, but never uses it. */
export default undefined

import { fileURLToPath } from 'node:url'
import stylistic from '@stylistic/eslint-plugin'
import tsdoc from 'eslint-plugin-tsdoc'
import tseslint from 'typescript-eslint'

const root = fileURLToPath(new URL('..', import.meta.url))

export default tseslint.config(
  { basePath: root, ignores: ['dist/**', 'node_modules/**'] },
  {
    plugins: { '@stylistic': stylistic },
    // Prettier sets the width of code, and leaves comments as they are.
    rules: { '@stylistic/max-len': ['error', { code: 10_000, comments: 100, ignoreUrls: true }] },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: root } },
    plugins: { tsdoc },
    rules: {
      eqeqeq: 'error',
      'tsdoc/syntax': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
)

export {
  MATERIAL_FORMATS,
  type MaterialFormat,
  type MaterialOptions,
  type RecognisedMaterial,
} from './material.js'
export { withImportCommand } from './invalid-material.js'
export { recogniseMaterial } from './recognise.js'

import { registerHooks } from 'node:module'

const DIST = new URL('../../dist/', import.meta.url).href

/** Preloaded with --import: gives a program that imports src/*.ts the built dist/*.js, because Node cannot run decorators. */
registerHooks({
  resolve(specifier, context, next) {
    return next(specifier.replace(/^(?:\.\.\/)+src\/(.*)\.ts$/, `${DIST}$1.js`), context)
  },
})

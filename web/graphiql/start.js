// Starts GraphiQL with Millrace's examples among its saved queries ("History", the ones with a star).
import { createRoot, React, Ruru } from '/graphiql/ruru/ruru.js'

const WORKERS = { json: 'jsonWorker.js', graphql: 'graphqlWorker.js' }

globalThis.MonacoEnvironment = {
  getWorker: (_, label) => new Worker(`/graphiql/ruru/${WORKERS[label] ?? 'editorWorker.js'}`, { type: 'module' }),
}

const examples = await (await fetch('/graphiql/examples.json')).json()
offer(examples)

createRoot(document.querySelector('#graphiql')).render(
  React.createElement(Ruru, {
    staticPath: '/graphiql/ruru/',
    endpoint: '/graphql',
    subscriptionEndpoint: '/graphql',
    defaultQuery: examples[0].query,
    debugTools: [],
  }),
)

/**
 * Puts the examples among GraphiQL's favourites, in the storage that GraphiQL itself keeps them in. Done again only when the examples
 * have changed, so that what a person renames, removes or adds stays as it is.
 */
function offer(examples) {
  const offered = JSON.stringify(examples)
  if (localStorage.getItem('millrace:examples') === offered) return
  const earlier = JSON.parse(localStorage.getItem('millrace:examples') ?? '[]').map(({ query }) => query)
  const { favorites = [] } = JSON.parse(localStorage.getItem('graphiql:favorites') ?? '{}')
  const own = favorites.filter(({ query }) => !earlier.includes(query))
  // GraphiQL lists the last one first.
  const ours = examples.map(({ label, query }) => ({ label, query, favorite: true })).reverse()
  localStorage.setItem('graphiql:favorites', JSON.stringify({ favorites: [...own, ...ours] }))
  localStorage.setItem('millrace:examples', offered)
  if (earlier.length === 0) localStorage.setItem('graphiql:visiblePlugin', 'History')
}
